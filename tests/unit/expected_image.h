/* SPDX-License-Identifier: MIT */
/*
 * What an image should hold, worked out from the declarations without librst's help: this code has
 * its own grammar of signatures and its own table of operands.
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
    char *arguments; /* as in .note.stapsdt */
};

struct expected_image {
    const char *provider;
    size_t count;
    const struct expected_probe *probes;
    const uint8_t *nop;
    size_t nop_size;
};

/* Whether the text is a valid name. */
bool expected_is_name(const char *text);

/*
 * The plain form and the arguments of a signature (NULL: no arguments); free() both. Gives 0, or
 * the errno with which librst should refuse the signature.
 */
int expected_signature(const char *text, char **plain, char **arguments);

/* The bytes of the nop of that size. */
const uint8_t *expected_nop(size_t size);

#endif
