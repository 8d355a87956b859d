/* SPDX-License-Identifier: MIT */
/* The code behind the events. Apart, because what LTTng's macros make has warnings of its own. */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "lttng_probes.h"

uint64_t bench_lttng_written;
