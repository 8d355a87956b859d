/* SPDX-License-Identifier: MIT */
/*
 * "Did you mean": finds the words that are nearest to one that was not found.
 */
#ifndef CLI_NEAR_H
#define CLI_NEAR_H

#include <stddef.h>

#define NEAR_WORDS 3
#define NEAR_LENGTH 128 /* longer names are not compared */

struct near {
    char wanted[NEAR_LENGTH];
    char words[NEAR_WORDS][NEAR_LENGTH]; /* the nearest first, without duplicates */
    size_t distances[NEAR_WORDS];
    size_t count;
};

/* Start with a word or a glob; the "*" in a glob are ignored. */
void near_start(struct near *near, const char *wanted);
void near_offer(struct near *near, const char *word);

#endif
