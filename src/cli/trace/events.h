/* SPDX-License-Identifier: MIT */
/*
 * rst trace: one event, as events.c puts it together and show.c shows it.
 */
#ifndef CLI_TRACE_EVENTS_H
#define CLI_TRACE_EVENTS_H

#include "cli/trace/trace.h"

struct event {
    uint64_t cpu, tid, pid, nanoseconds;
    struct trace_probe *probe;
    struct text comm, strings[USDT_MOST_ARGUMENTS], stack;
    uint64_t values[USDT_MOST_ARGUMENTS];
    bool came[USDT_MOST_ARGUMENTS];
    size_t awaited;
    unsigned ticks;
};

struct trace_events {
    struct trace *trace;
    struct event **pending;
    size_t pending_count;
    uint64_t shown;
    bool timed;
    int64_t epoch; /* what is added to the tracer's nanoseconds to make them UTC */
    bool colours;
    struct text line;
};

/* On stdout, as the options have it. */
void trace_show(struct trace_events *events, const struct event *event);

#endif
