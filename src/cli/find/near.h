/* SPDX-License-Identifier: MIT */
/*
 * "Did you mean": which of some words come nearest to one that was not found.
 */
#ifndef CLI_NEAR_H
#define CLI_NEAR_H

#include <stddef.h>

#define NEAR_WORDS 3
#define NEAR_LENGTH 128 /* what is longer, nobody meant to type */

struct near {
    char wanted[NEAR_LENGTH];
    char words[NEAR_WORDS][NEAR_LENGTH]; /* the nearest first, each once */
    size_t distances[NEAR_WORDS];
    size_t count;
};

/* Blanks of a glob ('*') count for nothing: they are left out of `wanted`. */
void near_start(struct near *near, const char *wanted);
void near_offer(struct near *near, const char *word);

#endif
