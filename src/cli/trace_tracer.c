/* SPDX-License-Identifier: MIT */
/*
 * bpftrace's run, from its start to its end. A terminal's Ctrl-C comes to rst, which then ends
 * bpftrace in the way that its version needs:
 *
 *     before it says "attached"  it is killed; nothing was seen yet (the kernel takes back what it
 *                                counted in semaphores)
 *     later                      two ticks, for it leaves unread what it has not read by then, and
 *                                0.17 loses what comes before the first one; then SIGINT, at which
 *                                it prints its maps and ends
 *
 * With -p it ends by itself when the process does.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "trace_tracer.h"

#define PATIENCE 10000     /* milliseconds from SIGINT to SIGKILL */
#define MOMENT 100         /* milliseconds that a killed process may take to be gone */
#define MOST_SCRIPT 130000 /* bytes that one word of a command line can have */

int64_t tracer_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void tracer_interrupt(struct tracer *tracer)
{
    if (!tracer->interrupted)
        kill(tracer->child, tracer->attached ? SIGINT : SIGKILL);
    tracer->interrupted = true;
}

/* End it; see above. */
void tracer_stop(struct tracer *tracer)
{
    if (!tracer->asked)
        tracer->kill_at = tracer_now() + PATIENCE;
    tracer->asked = true;
    if (!tracer->attached)
        tracer_interrupt(tracer);
}

/* -------------------------------------------------------------------------------- loop -- */

static void take_signal(struct tracer *tracer)
{
    struct signalfd_siginfo information;

    if (read(tracer->signals, &information, sizeof(information)) != sizeof(information))
        return;
    if (tracer->asked) /* a second Ctrl-C */
        kill(tracer->child, SIGKILL);
    tracer_stop(tracer);
}

static int wait_time(const struct tracer *tracer)
{
    int64_t end = tracer->kill_at, left;

    if (!tracer->asked && tracer->started && tracer->trace->options.seconds)
        end = tracer->start + (int64_t)tracer->trace->options.seconds;
    if (end == 0)
        return -1;
    left = end - tracer_now();
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void check_time(struct tracer *tracer)
{
    if (tracer->kill_at && tracer_now() >= tracer->kill_at) {
        if (!tracer->ended)
            say("bpftrace does not end, and is killed");
        kill(tracer->child, SIGKILL);
        tracer->kill_at = 0;
    }
    if (!tracer->asked && tracer->started && tracer->trace->options.seconds &&
        tracer_now() >= tracer->start + (int64_t)tracer->trace->options.seconds)
        tracer_stop(tracer);
}

/* Where bpftrace has no -p, nothing else would say that the last of the processes has ended. */
static void open_processes(struct tracer *tracer)
{
    const struct search *search = &tracer->trace->options.search;

    if (tracer->trace->one_pid || search->pid_count == 0 || search->file_count > 0)
        return;
    tracer->processes = sure(calloc(search->pid_count, sizeof(int)));
    for (size_t i = 0; i < search->pid_count; i++) {
        tracer->processes[i] = (int)syscall(SYS_pidfd_open, search->pids[i], 0);
        tracer->living += tracer->processes[i] >= 0;
    }
}

static void loop(struct tracer *tracer)
{
    enum { OUT, ERR, SIGNALS, PROCESSES };
    const struct search *search = &tracer->trace->options.search;
    size_t count = PROCESSES + (tracer->processes ? search->pid_count : 0);
    struct pollfd *ready = sure(calloc(count, sizeof(*ready)));

    ready[OUT] = (struct pollfd){.fd = tracer->out, .events = POLLIN};
    ready[ERR] = (struct pollfd){.fd = tracer->err, .events = POLLIN};
    ready[SIGNALS] = (struct pollfd){.fd = tracer->signals, .events = POLLIN};
    for (size_t i = PROCESSES; i < count; i++)
        ready[i] = (struct pollfd){.fd = tracer->processes[i - PROCESSES], .events = POLLIN};
    while (ready[OUT].fd >= 0) {
        if (poll(ready, count, wait_time(tracer)) < 0) {
            if (errno == EINTR)
                continue; /* what was ready is not known */
            break;
        }
        if (ready[SIGNALS].revents)
            take_signal(tracer);
        if (ready[ERR].revents && !tracer_read_err(tracer))
            ready[ERR].fd = -1;
        if (ready[OUT].revents && !tracer_read_out(tracer))
            ready[OUT].fd = -1;
        for (size_t i = PROCESSES; i < count; i++)
            if (ready[i].revents) {
                ready[i].fd = -1;
                tracer->living--;
            }
        check_time(tracer);
    }
    free(ready);
}

/* -------------------------------------------------------------------------------- ends -- */

/* What of bpftrace's stderr says nothing about what it was asked for. */
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
    bool exited = fd < 0 ? errno == ESRCH : poll(&ready, 1, MOMENT) > 0;

    if (fd >= 0)
        close(fd);
    return exited;
}

static enum status say_failed(const struct tracer *tracer, int status)
{
    pid_t pid = tracer->trace->one_pid;

    if (pid && has_exited(pid)) {
        say("process %ld exited before it could be watched", (long)pid);
        return STATUS_GONE;
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
        say("bpftrace could not watch %s; 'rst trace --print' shows what it was asked",
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

    if (trace->options.mode != TRACE_EVENTS)
        return;
    for (size_t i = 0; i < trace->probe_count; i++)
        hits += trace->probes[i].hits;
    text_addf(&words, "%" PRIu64 " event%s", hits, hits == 1 ? "" : "s");
    for (size_t i = 0; trace->probe_count > 1 && i < trace->probe_count; i++)
        if (trace->probes[i].hits > 0)
            text_addf(&words, "%s%s:%s %" PRIu64, shown++ ? ", " : ": ", trace->probes[i].provider,
                      trace->probes[i].name, trace->probes[i].hits);
    if (tracer->lost > 0)
        text_addf(&words, "; %" PRIu64 " records lost", tracer->lost);
    say("%s", words.bytes);
    free(words.bytes);
}

static void finish(struct tracer *tracer)
{
    int status;

    while (waitpid(tracer->child, &status, 0) < 0 && errno == EINTR)
        ;
    while (tracer_read_err(tracer) && errno != EAGAIN)
        ;
    if (!tracer->started && tracer->asked)
        return;
    if (!tracer->started) {
        tracer->status = say_failed(tracer, status);
        return;
    }
    trace_events_end(tracer->events);
    if (tracer->trace->options.mode != TRACE_EVENTS)
        trace_totals_print(tracer->totals);
    fflush(stdout);
    if (!tracer->asked && tracer->trace->one_pid && has_exited(tracer->trace->one_pid))
        say("process %ld has exited", (long)tracer->trace->one_pid);
    else if (!tracer->asked)
        tracer->status = say_failed(tracer, status);
    say_totals(tracer);
}

/* What ends a trace; but not what was ignored before, as nohup(1) has SIGHUP. */
static int block_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction before;
    sigset_t ends;

    sigemptyset(&ends);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaddset(&ends, numbers[i]);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    return signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
}

enum status trace_run(struct trace *trace)
{
    struct tracer tracer = {.trace = trace};
    struct text script = {0};

    trace_script(trace, false, &script);
    if (script.size > MOST_SCRIPT) {
        say("the script for so many probes is too long: name those that you mean");
        free(script.bytes);
        return STATUS_USAGE;
    }
    tracer.signals = block_signals();
    tracer.status = tracer_start(&tracer, script.bytes);
    free(script.bytes);
    if (tracer.status == STATUS_GOOD) {
        tracer.events = trace_events_new(trace);
        tracer.totals = trace_totals_new(trace);
        text_clear(&tracer.line);
        text_clear(&tracer.words);
        open_processes(&tracer);
        loop(&tracer);
        finish(&tracer);
        close(tracer.out);
        close(tracer.err);
        trace_events_free(tracer.events);
        trace_totals_free(tracer.totals);
    }
    for (size_t i = 0; tracer.processes && i < trace->options.search.pid_count; i++)
        if (tracer.processes[i] >= 0)
            close(tracer.processes[i]);
    free(tracer.processes);
    free(tracer.line.bytes);
    free(tracer.words.bytes);
    free(tracer.record.text.bytes);
    close(tracer.signals);
    return tracer.status;
}
