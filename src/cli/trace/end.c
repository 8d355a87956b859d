/* SPDX-License-Identifier: MIT */
/*
 * bpftrace's end: whether it did what it was asked to do, and what rst reports.
 *
 * bpftrace prints its maps last, after it has detached from every site. If it ended by itself or
 * after SIGINT, the counts are complete. If it was killed, they are lost, and rst must not print
 * zeros instead.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/base/quote.h"
#include "cli/trace/tracer.h"
#include "error.h"

#define MOMENT 100 /* milliseconds that a killed process may take to exit */

/* ------------------------------------------------------------------------------ words -- */

/* Lines on bpftrace's stderr that do not explain a failure. */
static bool is_noise(const char *line, size_t length)
{
    static const char *const noise[] = {
        "couldn't set RLIMIT_MEMLOCK",  "available_filter_functions",  "PERF_EVENT_IOC_DISABLE",
        "failed to close perf event",   "close perf event FD failed",  "failed to detach probe",
        "uprobe_events): No such file", "WARNING: Addrspace mismatch",
    };

    for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++)
        if (memmem(line, length, noise[i], strlen(noise[i])))
            return true;
    return length == 0;
}

static void say_its_words(const struct tracer *tracer)
{
    const char *at = tracer->words.bytes, *end = at + tracer->words.size;
    struct text shown = {0};

    while (at < end) {
        size_t length = strcspn(at, "\n");

        if (!is_noise(at, length)) {
            text_clear(&shown);
            text_add_shown(&shown, at, length);
            fprintf(stderr, "    bpftrace: %s\n", shown.bytes);
        }
        at += length + (at + length < end);
    }
    free(shown.bytes);
}

static bool has_said(const struct tracer *tracer, const char *words)
{
    return memmem(tracer->words.bytes, tracer->words.size, words, strlen(words));
}

static bool has_exited(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    bool exited;

    if (fd < 0) /* before Linux 5.3 there is no pidfd_open() */
        return kill(pid, 0) < 0 && errno == ESRCH;
    exited = poll(&ready, 1, MOMENT) > 0;
    close(fd);
    return exited;
}

/* A process that is about to exit has no program, though its files may still be there. */
static bool has_no_program(pid_t pid)
{
    char path[64], target;

    snprintf(path, sizeof(path), "/proc/%ld/exe", (long)pid);
    return pid > 0 && readlink(path, &target, 1) < 0;
}

/* If every process was searched: whether one with a probe has exited. */
static bool lost_one(const struct tracer *tracer)
{
    const struct trace *trace = tracer->trace;

    if (!trace->findings.sweeps || tracer->started)
        return false;
    for (size_t i = 0; i < trace->probe_count; i++)
        if (strncmp(trace->probes[i].path, "/proc/", 6) == 0 &&
            has_no_program(trace->probes[i].source->pid))
            return true;
    return false;
}

static enum status say_failed(const struct tracer *tracer, int status)
{
    pid_t pid = tracer->trace->one_pid;

    if (pid && has_exited(pid)) {
        say("process %ld exited before it could be watched", (long)pid);
        return STATUS_GONE;
    }
    if (lost_one(tracer)) {
        tracer->trace->again = true;
        return STATUS_FAILED;
    }
    if (WIFSIGNALED(status))
        say("bpftrace was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (has_said(tracer, "/tracing/") && access("/sys/kernel/tracing/events", F_OK) < 0)
        say("bpftrace needs tracefs, which is not mounted; mount it:\n"
            "    mount -t tracefs tracefs /sys/kernel/tracing");
    else if (has_said(tracer, "stack limit"))
        say("this is more than bpftrace %u.%02u has room for: name fewer strings",
            tracer->trace->bpftrace.version / 100, tracer->trace->bpftrace.version % 100);
    else if (has_said(tracer, "lockdown") || has_said(tracer, "Operation not permitted"))
        say("bpftrace may not trace here ('rst check' says why)");
    else
        say("bpftrace could not watch %s; 'rst trace --print' shows its script",
            tracer->trace->probe_count == 1 ? "the probe" : "the probes");
    say_its_words(tracer);
    return STATUS_FAILED;
}

static void say_totals(const struct tracer *tracer)
{
    const struct trace *trace = tracer->trace;
    struct text words = {0};
    uint64_t hits = 0;
    size_t shown = 0;
    bool several = false;

    if (trace->options.mode != TRACE_HITS)
        return;
    for (size_t i = 0; i < trace->probe_count; i++) {
        hits += trace->probes[i].hits;
        several |= trace->probes[i].alike > 0;
    }
    text_addf(&words, "%" PRIu64 " hit%s", hits, hits == 1 ? "" : "s");
    for (size_t i = 0; several && i < trace->probe_count; i++)
        if (trace->probes[i].hits > 0)
            text_addf(&words, "%s%s:%s %" PRIu64, shown++ ? ", " : ": ", trace->probes[i].provider,
                      trace->probes[i].name, trace->probes[i].hits);
    if (tracer->lost > 0)
        text_addf(&words, "; %" PRIu64 " records lost", tracer->lost);
    say("%s", words.bytes);
    free(words.bytes);
}

/* Print the counts if they are complete. */
static void show_counts(struct tracer *tracer, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        trace_totals_print(tracer->totals);
        return;
    }
    say("the totals are lost: bpftrace ended before it gave them");
    tracer->status = STATUS_FAILED;
}

/* Say why bpftrace ended, unless rst ended it. */
static void say_why(struct tracer *tracer, int status)
{
    pid_t pid = tracer->trace->one_pid;

    if (tracer->asked)
        return;
    if (pid && has_exited(pid))
        say("process %ld has exited", (long)pid);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        say("somebody else has ended bpftrace");
    else
        tracer->status = say_failed(tracer, status);
}

void tracer_finish(struct tracer *tracer)
{
    int status;

    while (waitpid(tracer->child, &status, 0) < 0 && errno == EINTR)
        ;
    for (errno = 0; tracer_read_err(tracer) && errno != EAGAIN; errno = 0)
        ;
    if (!tracer->attached && !tracer->started && tracer->asked)
        return;
    if (!tracer->started && !tracer->asked) {
        tracer->status = say_failed(tracer, status);
        return;
    }
    if (tracer->unread)
        return;
    trace_hits_end(tracer->hits);
    if (tracer->trace->options.mode != TRACE_HITS)
        show_counts(tracer, status);
    fflush(stdout);
    say_why(tracer, status);
    say_totals(tracer);
}
