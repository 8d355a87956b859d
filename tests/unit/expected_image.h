/* SPDX-License-Identifier: MIT */
/*
 * What an image should hold, worked out from what the program asked for without librst's help: the
 * grammar of signatures and the table of operands are written down here a second time.
 */
#ifndef EXPECTED_IMAGE_H
#define EXPECTED_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPECTED_MOST_ARGS 12

struct expected_probe {
    const char *name;
    char *signature; /* the plain form */
    char *arguments; /* as .note.stapsdt has them */
};

struct expected_image {
    const char *provider;
    size_t count;
    const struct expected_probe *probes;
    const uint8_t *nop;
    size_t nop_size;
};

/* Whether it is a name. */
bool expected_is_name(const char *text);

/*
 * The plain form and the arguments of a signature (NULL: no arguments), each to be freed. Gives 0,
 * or the errno that librst should refuse it with.
 */
int expected_signature(const char *text, char **plain, char **arguments);

/* The bytes of the nop with so many of them. */
const uint8_t *expected_nop(size_t size);

#endif
