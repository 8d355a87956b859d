/* SPDX-License-Identifier: MIT */
/*
 * Functions that a fire can call, and that keep the arguments they got.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <rst.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One per number of arguments, from 0 to RST_MAX_ARGS. */
extern void (*const captures[RST_MAX_ARGS + 1])(void);

/* What the last call got. `captured_calls` counts calls. */
extern uint64_t captured[RST_MAX_ARGS];
extern size_t captured_count;
extern unsigned captured_calls;

/* Told after each fire what should have arrived. `what` is the fire's text. */
typedef void fire_check(const char *what, size_t count, const uint64_t *wanted);

/* The same fires, compiled in each language. `probe` is aimed at the captures. */
void fire_from_c(struct rst_probe *probe, fire_check *check);
void fire_from_cpp(struct rst_probe *probe, fire_check *check);

#ifdef __cplusplus
}
#endif

#endif
