/* SPDX-License-Identifier: MIT */
/*
 * rst trace: bpftrace as a child. child.c starts it, output.c reads it, tracer.c ends it, and end.c
 * reports how it ended.
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
    bool started;     /* the user was told "watching ..." */
    bool unread;      /* nobody reads stdout any more */
    int64_t start, asked_at, kill_at;
    int write_error; /* why writing to stdout failed */
    uint64_t lost;
    size_t living; /* how many of several processes are still alive */
    int *processes;
    unsigned last_ticks;
    enum status status;
};

#define LAST_TICKS 2 /* at the second tick, all from before the first was read */

/* Start bpftrace with a script, with pipes from its stdout and stderr. */
enum status tracer_start(struct tracer *tracer, const char *script);

/*
 * Take records from bpftrace's stdout, or keep text from its stderr. Gives whether more may come.
 */
bool tracer_read_out(struct tracer *tracer);
bool tracer_read_err(struct tracer *tracer);

/* End bpftrace in the way that tracer.c describes; or send it SIGINT now, or SIGKILL. */
void tracer_stop(struct tracer *tracer);
void tracer_interrupt(struct tracer *tracer);

/* Wait for bpftrace after its stdout is closed, show the counts, and report how it ended. */
void tracer_finish(struct tracer *tracer);

#endif
