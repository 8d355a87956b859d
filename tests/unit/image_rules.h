/* SPDX-License-Identifier: MIT */
/*
 * The rules that every image must keep, one function each: what tracers, debuggers, the kernel and
 * the dynamic linker want of it. Each rule has its reason with it.
 */
#ifndef IMAGE_RULES_H
#define IMAGE_RULES_H

#include "elf_image.h"
#include "expected_image.h"

/* Gives false, and a fault that says what it saw. */
typedef bool rule_check(struct elf_image *image, const struct expected_image *expected);

struct rule {
    const char *name; /* the behaviour that it holds */
    rule_check *check;
};

/* clang-format off */
#define RULE(name) {#name, name}
/* clang-format on */

/* Tables that a rule with a NULL name ends. */
extern const struct rule layout_rules[], symbol_rules[], note_rules[], unwind_rules[];

/* All of them. */
extern const struct rule *const rule_tables[4];

/* A probe as its .note.stapsdt note tells it. */
struct probe_note {
    uint64_t pc, base, semaphore;
    const char *provider, *probe, *arguments;
};

/* The next one, as elf_image_next_note() gives it. */
int next_probe_note(struct elf_image *image, size_t section, size_t *offset,
                    struct probe_note *note);

/* The symbol of probe `index`, by its name; false and a fault if there is none. */
bool probe_symbol(struct elf_image *image, const struct expected_image *expected, size_t index,
                  GElf_Sym *symbol);

#endif
