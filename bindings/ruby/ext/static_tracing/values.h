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

/* Whether a value can be fired as this kind. Allocates nothing: it is asked unwatched, too. */
bool value_fits(const struct kind *kind, VALUE value);

/* What is fired for a value: for a String or Symbol a String that tracers can read, else itself. */
VALUE value_to_fire(const struct kind *kind, VALUE value);

/* The bits of what is fired. Runs no Ruby, so that addresses that were taken before stay valid. */
uint64_t value_bits(const struct kind *kind, VALUE fired);

void Init_values(void);

#endif
