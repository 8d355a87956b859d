/* SPDX-License-Identifier: MIT */
/*
 * An event of LTTng. LTTng includes this header several times, with other macros each time.
 */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER bench

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./lttng_probes.h"

#if !defined(BENCH_LTTNG_PROBES_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define BENCH_LTTNG_PROBES_H

#include <lttng/tracepoint.h>
#include <stdint.h>

#ifndef BENCH_LTTNG_WRITTEN
#define BENCH_LTTNG_WRITTEN
extern uint64_t bench_lttng_written;
#endif

/* The expression for the id is evaluated only when an event is written to the buffer. */
LTTNG_UST_TRACEPOINT_EVENT(
    bench, request, LTTNG_UST_TP_ARGS(uint64_t, id, const char *, path, int32_t, status),
    LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(uint64_t, id, (bench_lttng_written++, id))
                            lttng_ust_field_string(path, path)
                                lttng_ust_field_integer(int32_t, status, status)))

#endif

#include <lttng/tracepoint-event.h>
