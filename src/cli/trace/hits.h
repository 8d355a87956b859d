/* SPDX-License-Identifier: MIT */
/*
 * rst trace: one hit, put together by hits.c and shown by show.c.
 */
#ifndef CLI_TRACE_HITS_H
#define CLI_TRACE_HITS_H

#include "cli/trace/trace.h"

struct hit {
    uint64_t cpu, tid, pid, nanoseconds;
    struct trace_probe *probe;
    struct text comm, strings[USDT_MOST_ARGUMENTS], stack;
    uint64_t values[USDT_MOST_ARGUMENTS];
    bool came[USDT_MOST_ARGUMENTS];
    size_t awaited;
    unsigned ticks;
};

struct trace_hits {
    struct trace *trace;
    struct hit **pending;
    size_t pending_count;
    uint64_t shown;
    bool timed;
    int64_t epoch; /* added to the tracer's nanoseconds, it gives UTC */
    bool colours;
    struct text line;
};

/* Print a hit on stdout, in the format that the options choose. */
void trace_show(struct trace_hits *hits, const struct hit *hit);

#endif
