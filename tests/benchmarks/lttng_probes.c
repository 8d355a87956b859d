/* SPDX-License-Identifier: MIT */
/* The code for the events, in a file of its own because LTTng's macros cause compiler warnings. */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "lttng_probes.h"

uint64_t bench_lttng_written;
