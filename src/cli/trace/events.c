/* SPDX-License-Identifier: MIT */
/*
 * A hit's records come one by one, its strings after it. This puts them together, by CPU and
 * thread, and has the event shown. What of it has not come after a while was lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/base/table.h"
#include "cli/trace/events.h"

#define MOST_TICKS 3 /* after which what has not come won't */

/* ------------------------------------------------------------------------------ time -- */

static int64_t nanoseconds_of(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* The kernel's clock is the one that counts through suspends, or, in old versions, not. */
static void set_clock(struct trace_events *events, uint64_t nanoseconds)
{
    int64_t now = nanoseconds_of(CLOCK_REALTIME);
    int64_t boot = nanoseconds_of(CLOCK_BOOTTIME), monotonic = nanoseconds_of(CLOCK_MONOTONIC);
    bool is_boot = llabs(boot - (int64_t)nanoseconds) <= llabs(monotonic - (int64_t)nanoseconds);

    events->timed = true;
    events->epoch = now - (is_boot ? boot : monotonic);
}

/* ---------------------------------------------------------------------------- events -- */

static void free_event(struct event *event)
{
    for (size_t i = 0; i < USDT_MOST_ARGUMENTS; i++)
        free(event->strings[i].bytes);
    free(event->comm.bytes);
    free(event->stack.bytes);
    free(event);
}

static bool has_enough(const struct trace_events *events)
{
    const struct trace_options *options = &events->trace->options;

    return (options->events > 0 && events->shown >= options->events) || ferror(stdout);
}

/* Show the event, whatever of it has come, and forget it. */
static void finish(struct trace_events *events, size_t at)
{
    struct event *event = events->pending[at];

    events->pending[at] = events->pending[--events->pending_count];
    if (!has_enough(events)) {
        trace_show(events, event);
        events->shown++;
        events->trace->probes[event->probe->alike].hits++;
    }
    free_event(event);
}

static size_t find(const struct trace_events *events, const struct trace_record *record)
{
    size_t i;

    for (i = 0; i < events->pending_count; i++)
        if (events->pending[i]->cpu == record->cpu && events->pending[i]->tid == record->tid)
            break;
    return i;
}

static void begin(struct trace_events *events, struct trace_record *record)
{
    struct trace *trace = events->trace;
    size_t at = find(events, record), readable = 0, value = 0;
    struct trace_probe *probe;
    struct event *event;

    if (at < events->pending_count)
        finish(events, at);
    if (record->probe >= trace->probe_count)
        return;
    probe = &trace->probes[record->probe];
    for (size_t i = 0; i < probe->argument_count; i++)
        readable += !probe->arguments[i].unreadable;
    if (!trace_record_values(record, readable))
        return;
    event = sure(calloc(1, sizeof(*event)));
    event->cpu = record->cpu;
    event->tid = record->tid;
    event->pid = record->pid;
    event->nanoseconds = record->nanoseconds;
    event->probe = probe;
    text_add_bytes(&event->comm, record->bytes, record->size);
    for (size_t i = 0; i < probe->argument_count; i++) {
        if (probe->arguments[i].unreadable)
            continue;
        event->values[i] = record->values[value++];
        event->awaited += probe->arguments[i].kind == TRACE_STRING;
    }
    event->awaited += trace->options.stack;
    if (!events->timed)
        set_clock(events, event->nanoseconds);
    events->pending = room_for_one(events->pending, events->pending_count, sizeof(void *));
    events->pending[events->pending_count++] = event;
    if (event->awaited == 0)
        finish(events, events->pending_count - 1);
}

static void add_to(struct trace_events *events, const struct trace_record *record)
{
    size_t at = find(events, record);
    struct event *event;

    if (at == events->pending_count || events->pending[at]->nanoseconds != record->nanoseconds)
        return; /* the hit's own record was lost */
    event = events->pending[at];
    if (record->line == LINE_STACK) {
        text_add_bytes(&event->stack, record->bytes, record->size);
    } else {
        if (record->index >= event->probe->argument_count || event->came[record->index])
            return;
        text_add_bytes(&event->strings[record->index], record->bytes, record->size);
        event->came[record->index] = true;
    }
    if (event->awaited > 0 && --event->awaited == 0)
        finish(events, at);
}

static void tick(struct trace_events *events)
{
    for (size_t i = events->pending_count; i-- > 0;)
        if (++events->pending[i]->ticks >= MOST_TICKS)
            finish(events, i);
}

bool trace_events_take(struct trace_events *events, struct trace_record *record)
{
    if (record->line == LINE_EVENT)
        begin(events, record);
    else if (record->line == LINE_STRING || record->line == LINE_STACK)
        add_to(events, record);
    else if (record->line == LINE_TICK)
        tick(events);
    return !has_enough(events);
}

void trace_events_end(struct trace_events *events)
{
    while (events->pending_count > 0)
        finish(events, 0);
}

struct trace_events *trace_events_new(struct trace *trace)
{
    struct trace_events *events = sure(calloc(1, sizeof(*events)));

    events->trace = trace;
    events->colours = table_has_colour();
    return events;
}

void trace_events_free(struct trace_events *events)
{
    for (size_t i = 0; i < events->pending_count; i++)
        free_event(events->pending[i]);
    free(events->pending);
    free(events->line.bytes);
    free(events);
}
