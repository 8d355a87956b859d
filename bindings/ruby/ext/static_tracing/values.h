/* SPDX-License-Identifier: MIT */
/* Ruby's values as a probe's arguments. */
#ifndef STATIC_TRACING_VALUES_H
#define STATIC_TRACING_VALUES_H

#include <ruby.h>

#include <stdbool.h>
#include <stdint.h>

/* A kind of argument. */
struct kind;

/* By its name, a Symbol. It raises if there is none. */
const struct kind *find_kind(VALUE name);

/* No index: all values fit. */
#define NO_VALUE (-1)

/* Whether a value can be fired as this kind. Allocates nothing: it is asked unwatched, too. */
bool value_fits(const struct kind *kind, VALUE value);

/*
 * The index of the first value that can't be fired; what is to be fired, and its bits. As long as
 * `ret_fired` is on the stack, nothing in it is collected or moved.
 */
int take_values(const struct kind *const *kinds, int count, const VALUE *values,
                volatile VALUE *ret_fired, uint64_t *ret_bits);

void Init_values(void);

#endif
