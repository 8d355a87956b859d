/* SPDX-License-Identifier: MIT */
/* The parts of static_tracing/native. */
#ifndef STATIC_TRACING_NATIVE_H
#define STATIC_TRACING_NATIVE_H

#include <ruby.h>

#include <stdbool.h>

/* Whether a tracer is attached to a tracepoint. It raises if the object isn't a tracepoint. */
bool tracepoint_watched(VALUE tracepoint);

/* Fire, if a tracer is attached. Values that don't fit raise, or are logged. */
VALUE tracepoint_fire_values(VALUE tracepoint, int argc, const VALUE *argv, bool raise);

/* How often threads have raised something in others. From the first call on, it is counted. */
unsigned long raises_so_far(void);

/*
 * What Thread#raise was given for this thread last; Qundef if that wasn't after `before`, Qtrue if
 * it isn't known.
 */
VALUE raised_since(unsigned long before);

void Init_raising(VALUE native);
void Init_watching(VALUE native);
void Init_meters(VALUE static_tracing);
void Init_visibility(VALUE static_tracing);

#endif
