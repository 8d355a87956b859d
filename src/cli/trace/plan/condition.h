/* SPDX-License-Identifier: MIT */
/*
 * --filter for one variant of a probe, in the form that the emitter needs: every comparison is a
 * question whether a key is in one of a few ranges, or whether a string is a text. A comparison
 * does not hold if its argument can't be read, negated or not.
 *
 * The key of an integer is its value in 64 bits, compared with its sign or without. The key of a
 * float or double is a signed number in the order of the values: the bits, or for a negative value
 * minus the bits without the sign; so -0 is 0, and a NaN is beyond both infinities.
 */
#ifndef CLI_TRACE_CONDITION_H
#define CLI_TRACE_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum condition_kind {
    CONDITION_ALL,   /* of its parts */
    CONDITION_ANY,   /* of its parts */
    CONDITION_RANGE, /* the argument's key is in a range */
    CONDITION_TEXT   /* the string is the text */
};

/* Both ends are in it. Signed or unsigned, as the argument's value is; a float's are signed. */
struct condition_range {
    uint64_t low, high;
};

#define CONDITION_MOST_DEPTH 102 /* each bracket of 50 may have an "or" of "and"s */

struct condition {
    enum condition_kind kind;
    struct condition *parts;
    size_t part_count;
    size_t argument; /* its index */
    bool negated;    /* a comparison: it holds outside the ranges, or if the text differs */
    struct condition_range ranges[2];
    size_t range_count; /* 0: no key is in it */
    char *text;         /* without a NUL inside */
    size_t text_size;
};

/* It and all its parts; NULL is allowed. */
void condition_free(struct condition *condition);

#endif
