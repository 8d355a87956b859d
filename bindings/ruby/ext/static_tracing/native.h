/* SPDX-License-Identifier: MIT */
/* The parts of static_tracing/native. */
#ifndef STATIC_TRACING_NATIVE_H
#define STATIC_TRACING_NATIVE_H

#include <ruby.h>

#include <stdbool.h>

/* Whether a tracer is attached to a tracepoint. It raises if the object isn't a tracepoint. */
bool tracepoint_watched(VALUE tracepoint);

void Init_watching(VALUE native);
void Init_visibility(VALUE static_tracing);

#endif
