/* SPDX-License-Identifier: MIT */
/*
 * A probe whose function keeps the arguments it gets.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <rst.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Make the probe one of `count` integers, whose semaphore reads as given. */
const rst_probe *capture_probe(size_t count, uint32_t semaphore);

/* What the last call got. `captured_calls` counts calls. */
extern uint64_t captured[RST_MAX_ARGS];
extern unsigned captured_calls;

/* Told after each fire what should have arrived. `what` is the fire's text. */
typedef void fire_check(const char *what, size_t count, const uint64_t *wanted);

/* The same fires, compiled in each language. */
void fire_from_c(fire_check *check);
void fire_from_cpp(fire_check *check);

#ifdef __cplusplus
}
#endif

#endif
