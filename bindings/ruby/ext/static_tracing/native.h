/* SPDX-License-Identifier: MIT */
/* The parts of static_tracing/native. */
#ifndef STATIC_TRACING_NATIVE_H
#define STATIC_TRACING_NATIVE_H

#include <ruby.h>

void Init_visibility(VALUE static_tracing);

#endif
