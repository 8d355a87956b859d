/* SPDX-License-Identifier: MIT */
/*
 * A probe whose function keeps its arguments.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <rst.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Make a probe of `count` integers, whose semaphore has the given value. */
const rst_probe *capture_probe(size_t count, uint32_t semaphore);

/* The arguments of the last call; `captured_calls` counts calls. */
extern uint64_t captured[RST_MAX_ARGS];
extern unsigned captured_calls;

/*
 * Called after each fire, with the arguments that should have arrived. `what` is the fire's source.
 */
typedef void fire_check(const char *what, size_t count, const uint64_t *wanted);

/* The same fires, compiled in C and in C++. */
void fire_from_c(fire_check *check);
void fire_from_cpp(fire_check *check);

#ifdef __cplusplus
}
#endif

#endif
