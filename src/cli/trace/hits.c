/* SPDX-License-Identifier: MIT */
/*
 * Puts the records of a hit together. The hit's own record comes first, then its strings and its
 * stack, each as a record. A record is assigned to its hit by CPU, thread and time. When all have
 * come, the hit is shown. Records that have not come after a while are lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/base/table.h"
#include "cli/trace/hits.h"

#define MOST_TICKS 3 /* after these, missing records are lost */

/* ------------------------------------------------------------------------------ time -- */

static int64_t nanoseconds_of(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* The clock of the hits counts through suspends; that of old kernels doesn't. */
static void set_clock(struct trace_hits *hits, uint64_t nanoseconds)
{
    int64_t now = nanoseconds_of(CLOCK_REALTIME);
    int64_t boot = nanoseconds_of(CLOCK_BOOTTIME), monotonic = nanoseconds_of(CLOCK_MONOTONIC);
    bool is_boot = llabs(boot - (int64_t)nanoseconds) <= llabs(monotonic - (int64_t)nanoseconds);

    hits->timed = true;
    hits->epoch = now - (is_boot ? boot : monotonic);
}

/* --------------------------------------------------------------- hits -- */

static void free_hit(struct hit *hit)
{
    for (size_t i = 0; i < USDT_MOST_ARGUMENTS; i++)
        free(hit->strings[i].bytes);
    free(hit->comm.bytes);
    free(hit->stack.bytes);
    free(hit);
}

static bool has_enough(const struct trace_hits *hits)
{
    const struct trace_options *options = &hits->trace->options;

    return (options->hits > 0 && hits->shown >= options->hits) || ferror(stdout);
}

/* Show a hit with all records that have come, and forget it. */
static void finish(struct trace_hits *hits, size_t at)
{
    struct hit *hit = hits->pending[at];

    hits->pending[at] = hits->pending[--hits->pending_count];
    if (!has_enough(hits)) {
        trace_show(hits, hit);
        hits->shown++;
        hits->trace->probes[hit->probe->alike].hits++;
    }
    free_hit(hit);
}

static size_t find(const struct trace_hits *hits, const struct trace_record *record)
{
    size_t i;

    for (i = 0; i < hits->pending_count; i++)
        if (hits->pending[i]->cpu == record->cpu && hits->pending[i]->tid == record->tid)
            break;
    return i;
}

static void begin(struct trace_hits *hits, struct trace_record *record)
{
    struct trace *trace = hits->trace;
    size_t at = find(hits, record), readable = 0, value = 0;
    struct trace_probe *probe;
    struct hit *hit;

    if (at < hits->pending_count)
        finish(hits, at);
    if (record->probe >= trace->probe_count)
        return;
    probe = &trace->probes[record->probe];
    for (size_t i = 0; i < probe->argument_count; i++)
        readable += !probe->arguments[i].unreadable;
    if (!trace_record_values(record, readable))
        return;
    hit = sure(calloc(1, sizeof(*hit)));
    hit->cpu = record->cpu;
    hit->tid = record->tid;
    hit->pid = record->pid;
    hit->nanoseconds = record->nanoseconds;
    hit->probe = probe;
    text_add_bytes(&hit->comm, record->bytes, record->size);
    for (size_t i = 0; i < probe->argument_count; i++) {
        if (probe->arguments[i].unreadable)
            continue;
        hit->values[i] = record->values[value++];
        hit->awaited += probe->arguments[i].kind == TRACE_STRING;
    }
    hit->awaited += trace->options.stack;
    if (!hits->timed)
        set_clock(hits, hit->nanoseconds);
    hits->pending = room_for_one(hits->pending, hits->pending_count, sizeof(void *));
    hits->pending[hits->pending_count++] = hit;
    if (hit->awaited == 0)
        finish(hits, hits->pending_count - 1);
}

static void add_to(struct trace_hits *hits, const struct trace_record *record)
{
    size_t at = find(hits, record);
    struct hit *hit;

    if (at == hits->pending_count || hits->pending[at]->nanoseconds != record->nanoseconds)
        return; /* the hit's own record was lost */
    hit = hits->pending[at];
    if (record->line == LINE_STACK) {
        text_add_bytes(&hit->stack, record->bytes, record->size);
    } else {
        if (record->index >= hit->probe->argument_count || hit->came[record->index])
            return;
        text_add_bytes(&hit->strings[record->index], record->bytes, record->size);
        hit->came[record->index] = true;
    }
    if (hit->awaited > 0 && --hit->awaited == 0)
        finish(hits, at);
}

static void tick(struct trace_hits *hits)
{
    for (size_t i = hits->pending_count; i-- > 0;)
        if (++hits->pending[i]->ticks >= MOST_TICKS)
            finish(hits, i);
}

bool trace_hits_take(struct trace_hits *hits, struct trace_record *record)
{
    if (record->line == LINE_HIT)
        begin(hits, record);
    else if (record->line == LINE_STRING || record->line == LINE_STACK)
        add_to(hits, record);
    else if (record->line == LINE_TICK)
        tick(hits);
    return !has_enough(hits);
}

void trace_hits_end(struct trace_hits *hits)
{
    while (hits->pending_count > 0)
        finish(hits, 0);
}

struct trace_hits *trace_hits_new(struct trace *trace)
{
    struct trace_hits *hits = sure(calloc(1, sizeof(*hits)));

    hits->trace = trace;
    hits->colours = table_has_colour();
    return hits;
}

void trace_hits_free(struct trace_hits *hits)
{
    for (size_t i = 0; i < hits->pending_count; i++)
        free_hit(hits->pending[i]);
    free(hits->pending);
    free(hits->line.bytes);
    free(hits);
}
