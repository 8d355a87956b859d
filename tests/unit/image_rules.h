/* SPDX-License-Identifier: MIT */
/*
 * The rules for every image, one function each. Tracers, debuggers, the kernel and the dynamic
 * linker need them; each rule comes with its reason.
 */
#ifndef IMAGE_RULES_H
#define IMAGE_RULES_H

#include "elf_image.h"
#include "expected_image.h"

/* Gives false, with a fault that says what it saw. */
typedef bool rule_check(struct elf_image *image, const struct expected_image *expected);

struct rule {
    const char *name; /* the behaviour that it holds */
    rule_check *check;
};

/* clang-format off */
#define RULE(name) {#name, name}
/* clang-format on */

/* Each table ends with a rule whose name is NULL. */
extern const struct rule layout_rules[], symbol_rules[], note_rules[], unwind_rules[];

/* All tables. */
extern const struct rule *const rule_tables[4];

/* A probe, as its .note.stapsdt describes it. */
struct probe_note {
    uint64_t pc, base, semaphore;
    const char *provider, *probe, *arguments;
};

/* Read the next note, as elf_image_next_note() does. */
int next_probe_note(struct elf_image *image, size_t section, size_t *offset,
                    struct probe_note *note);

/* Find the symbol of probe `index` by its name; gives false, with a fault, if there is none. */
bool probe_symbol(struct elf_image *image, const struct expected_image *expected, size_t index,
                  GElf_Sym *symbol);

#endif
