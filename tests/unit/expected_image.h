/* SPDX-License-Identifier: MIT */
/*
 * What an image should hold, worked out from the declarations without librst's help: this code has
 * its own grammar of signatures and its own tables of operands.
 */
#ifndef EXPECTED_IMAGE_H
#define EXPECTED_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "expected_cpu.h"

struct expected_probe {
    const char *name;
    char *signature; /* the plain form */
    char *arguments; /* as in .note.stapsdt */
};

struct expected_image {
    const struct expected_cpu *cpu;
    const char *provider;
    size_t count;
    const struct expected_probe *probes;
    struct expected_bytes nop;
};

/* Whether the text is a valid name. */
bool expected_is_name(const char *text);

/*
 * The plain form and the arguments of a signature (NULL: no arguments); free() both. Gives 0, or
 * the errno with which librst should refuse the signature.
 */
int expected_signature(const struct expected_cpu *cpu, const char *text, char **plain,
                       char **arguments);

/* The short form of a plain form: "Qid,spath" for "uint64 id, string path"; free() it. */
char *expected_short_form(const char *plain);

/* x86_64's longer nops, of 5 and of 10 bytes. */
extern const struct expected_bytes expected_nop5, expected_nop10;

/* What is between the prologue and the nop, so that sites of different nops are not at one place.
 */
struct expected_bytes expected_gap(const struct expected_image *expected);

/* The offset of the nop in its function. */
size_t expected_site(const struct expected_image *expected);

#endif
