/* SPDX-License-Identifier: MIT */
/*
 * The loaded probe of librst that a job measures.
 */
#ifndef BENCH_LOADED_PROBE_H
#define BENCH_LOADED_PROBE_H

#include <rst.h>

#include "worker.h"

#define BENCH_PROVIDER "bench"
#define BENCH_PROBE "request"

/* In memory, as in a program, so that each guard reads it. */
extern rst_probe *bench_probe;

enum bench_outcome bench_probe_load(void);

#endif
