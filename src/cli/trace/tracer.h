/* SPDX-License-Identifier: MIT */
/*
 * rst trace: bpftrace as a child, which child.c starts, output.c reads, and
 * tracer.c ends, and end.c has the last word of.
 */
#ifndef CLI_TRACE_TRACER_H
#define CLI_TRACE_TRACER_H

#include "cli/trace/trace.h"

struct tracer {
    struct trace *trace;
    struct trace_hits *hits;
    struct trace_totals *totals;
    pid_t child;
    int out, err, signals;
    struct text line, words;
    struct trace_record record;
    bool attached, asked, ended;
    bool interrupted; /* SIGINT was sent */
    bool started;     /* "watching" was said */
    bool unread;      /* nobody reads stdout any more */
    int64_t start, asked_at, kill_at;
    int write_error; /* why stdout took no more */
    uint64_t lost;
    size_t living; /* processes, where there are several */
    int *processes;
    unsigned last_ticks;
    enum status status;
};

#define LAST_TICKS 2 /* what came before the first of these has been read by the second */

/* Have bpftrace run a script, with pipes from its stdout and stderr. */
enum status tracer_start(struct tracer *tracer, const char *script);

/* Take what has come on stdout, or keep what has come on stderr. Gives whether there may be more.
 */
bool tracer_read_out(struct tracer *tracer);
bool tracer_read_err(struct tracer *tracer);

/* End it, in the way that tracer.c tells; send the signal for it. */
void tracer_stop(struct tracer *tracer);
void tracer_interrupt(struct tracer *tracer);

/* Wait for it once its stdout is closed, show what was counted, and say how it ended. */
void tracer_finish(struct tracer *tracer);

#endif
