/* SPDX-License-Identifier: MIT */
/*
 * Reads bpftrace's output. Records come on stdout, for hits.c or totals.c. The text on stderr is
 * kept, and shown if bpftrace fails.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/trace/tracer.h"

#define MOST_WORDS 65536 /* how much of stderr is kept */

static void say_watching(const struct tracer *tracer)
{
    const struct trace *trace = tracer->trace;
    size_t count = 0;

    for (size_t i = 0; i < trace->probe_count; i++)
        count += trace->probes[i].alike == i;
    if (count == 1)
        say("watching %s:%s; Ctrl-C ends it", trace->probes[0].provider, trace->probes[0].name);
    else
        say("watching %zu probes; Ctrl-C ends it", count);
}

static void note_start(struct tracer *tracer)
{
    if (tracer->started)
        return;
    tracer->started = true;
    tracer->start = milliseconds();
    say_watching(tracer);
}

static void tick(struct tracer *tracer)
{
    if (!tracer->asked && tracer->processes && tracer->living == 0)
        tracer_stop(tracer);
    if (tracer->asked && ++tracer->last_ticks >= LAST_TICKS)
        tracer_interrupt(tracer);
}

static void take_lost(struct tracer *tracer)
{
    tracer->lost += tracer->record.number;
    if (tracer->trace->options.json)
        printf("{\"lost\":%" PRIu64 "}\n", tracer->record.number);
    else
        say("%" PRIu64 " records were lost: they came faster than they could be read",
            tracer->record.number);
}

static void take_line(struct tracer *tracer)
{
    struct trace_record *record = &tracer->record;

    trace_record_read(tracer->line.bytes, tracer->line.size, record);
    switch (record->line) {
    case LINE_ATTACHED:
        tracer->attached = true;
        break;
    case LINE_LOST:
        take_lost(tracer);
        break;
    case LINE_NAME:
    case LINE_MAP:
        trace_totals_take(tracer->totals, record);
        break;
    default:
        if (record->line != LINE_OTHER)
            note_start(tracer);
        if (tracer->unread && record->line != LINE_TICK)
            return;
        if (!trace_hits_take(tracer->hits, record)) {
            tracer_stop(tracer);
            tracer->last_ticks = LAST_TICKS; /* no more records are needed */
        }
        if (record->line == LINE_TICK)
            tick(tracer);
    }
}

bool tracer_read_out(struct tracer *tracer)
{
    char bytes[65536], *at = bytes, *newline;
    ssize_t size = read(tracer->out, bytes, sizeof(bytes));

    if (size < 0 && errno == EINTR)
        return true;
    if (size <= 0)
        return false;
    for (char *end = bytes + size; at < end; at = newline + 1) {
        newline = memchr(at, '\n', (size_t)(end - at));
        text_add_bytes(&tracer->line, at, (size_t)((newline ? newline : end) - at));
        if (!newline)
            break;
        take_line(tracer);
        text_clear(&tracer->line);
    }
    if (fflush(stdout) != 0) {
        tracer->write_error = errno;
        tracer_stop(tracer);
    }
    return true;
}

bool tracer_read_err(struct tracer *tracer)
{
    char bytes[4096];
    ssize_t size = read(tracer->err, bytes, sizeof(bytes));

    if (size < 0)
        return errno == EINTR || errno == EAGAIN;
    if (size > 0 && tracer->words.size < MOST_WORDS)
        text_add_bytes(&tracer->words, bytes, (size_t)size);
    return size > 0;
}
