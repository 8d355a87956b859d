/* SPDX-License-Identifier: MIT */
/*
 * bpftrace's run, from its start to its end. Only rst gets a terminal's Ctrl-C. It then ends
 * bpftrace in the way that bpftrace's versions need:
 *
 *     before bpftrace says "attached"  rst kills it; it has not seen anything yet (the kernel takes
 *                                      back its counts in semaphores)
 *     later                            rst waits for two ticks, because bpftrace drops the records
 *                                      that it has not read when it ends, and 0.17 loses those from
 *                                      before the first tick; then it sends SIGINT, and bpftrace
 *                                      prints its maps and ends
 *
 * With -p, bpftrace ends by itself when the process ends.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/trace/tracer.h"

#define PATIENCE 10000     /* milliseconds from SIGINT to SIGKILL, */
#define SITE_PATIENCE 1000 /* more for each site: detaching takes 0.1 s or longer */
#define BOUNCE 1000        /* milliseconds in which a second Ctrl-C counts as the first */
#define MANY_SITES 30      /* from this number on, rst tells that detaching takes time */
#define MOST_SCRIPT 130000 /* bytes in the longest word of a command line */

static size_t tracer_sites(const struct tracer *tracer)
{
    size_t sites = 0;

    for (size_t i = 0; i < tracer->trace->probe_count; i++)
        sites += tracer->trace->probes[i].site_count;
    return sites;
}

void tracer_interrupt(struct tracer *tracer)
{
    size_t sites = tracer_sites(tracer);

    if (!tracer->interrupted)
        kill(tracer->child, tracer->attached ? SIGINT : SIGKILL);
    if (!tracer->interrupted && tracer->attached && sites >= MANY_SITES)
        say("bpftrace takes a while to detach from %zu sites; Ctrl-C again ends it now%s", sites,
            tracer->trace->options.mode == TRACE_HITS ? "" : ", without the totals");
    tracer->interrupted = true;
}

/* End bpftrace; see the top of this file. */
void tracer_stop(struct tracer *tracer)
{
    if (!tracer->asked) {
        tracer->asked_at = milliseconds();
        tracer->kill_at =
            tracer->asked_at + PATIENCE + SITE_PATIENCE * (int64_t)tracer_sites(tracer);
    }
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
    if (tracer->asked && milliseconds() >= tracer->asked_at + BOUNCE)
        kill(tracer->child, SIGKILL); /* the user does not want to wait */
    tracer_stop(tracer);
}

static int wait_time(const struct tracer *tracer)
{
    int64_t end = tracer->kill_at, left;

    if (!tracer->asked && tracer->started && tracer->trace->options.seconds)
        end = tracer->start + (int64_t)tracer->trace->options.seconds;
    if (end == 0)
        return -1;
    left = end - milliseconds();
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void check_time(struct tracer *tracer)
{
    if (tracer->kill_at && milliseconds() >= tracer->kill_at) {
        if (!tracer->ended)
            say("bpftrace did not end in time; rst kills it");
        kill(tracer->child, SIGKILL);
        tracer->kill_at = 0;
    }
    if (!tracer->asked && tracer->started && tracer->trace->options.seconds &&
        milliseconds() >= tracer->start + (int64_t)tracer->trace->options.seconds)
        tracer_stop(tracer);
}

/* Without -p, bpftrace does not notice when the last of the processes ends, so rst watches them. */
static void open_processes(struct tracer *tracer)
{
    const struct search *search = &tracer->trace->options.search;

    if (tracer->trace->one_pid || search->pid_count == 0 || search->file_count > 0)
        return;
    tracer->processes = sure(calloc(search->pid_count, sizeof(int)));
    for (size_t i = 0; i < search->pid_count; i++) {
        tracer->processes[i] = (int)syscall(SYS_pidfd_open, search->pids[i], 0);
        /* A kernel before 5.3 can't tell when a process ends, so a user must end the trace. */
        tracer->living += tracer->processes[i] >= 0 || errno != ESRCH;
    }
}

/* The reader of the pipe has closed it, or the terminal is gone. */
static void lose_reader(struct tracer *tracer)
{
    tracer->unread = true;
    tracer_stop(tracer);
    tracer->last_ticks = LAST_TICKS;
}

static void loop(struct tracer *tracer)
{
    enum { OUT, ERR, SIGNALS, READER, PROCESSES };
    const struct search *search = &tracer->trace->options.search;
    size_t count = PROCESSES + (tracer->processes ? search->pid_count : 0);
    struct pollfd *ready = sure(calloc(count, sizeof(*ready)));

    ready[OUT] = (struct pollfd){.fd = tracer->out, .events = POLLIN};
    ready[ERR] = (struct pollfd){.fd = tracer->err, .events = POLLIN};
    ready[SIGNALS] = (struct pollfd){.fd = tracer->signals, .events = POLLIN};
    ready[READER] = (struct pollfd){.fd = STDOUT_FILENO}; /* poll() tells when nobody reads it */
    for (size_t i = PROCESSES; i < count; i++)
        ready[i] = (struct pollfd){.fd = tracer->processes[i - PROCESSES], .events = POLLIN};
    while (ready[OUT].fd >= 0) {
        if (poll(ready, count, wait_time(tracer)) < 0) {
            if (errno == EINTR)
                continue; /* poll() did not set `revents` */
            break;
        }
        if (ready[SIGNALS].revents)
            take_signal(tracer);
        if (ready[READER].revents) { /* POLLERR for a pipe, POLLHUP for a socket or a terminal */
            ready[READER].fd = -1;
            lose_reader(tracer);
        }
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

/* --------------------------------------------------------------------------------- run -- */

/* Signals that end a trace, unless they were ignored at the start: nohup(1) ignores SIGHUP. */
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
        say("the script for so many probes is too long: name fewer");
        free(script.bytes);
        return STATUS_USAGE;
    }
    tracer.signals = block_signals();
    tracer.status = tracer_start(&tracer, script.bytes);
    free(script.bytes);
    if (tracer.status == STATUS_GOOD) {
        tracer.hits = trace_hits_new(trace);
        tracer.totals = trace_totals_new(trace);
        text_clear(&tracer.line);
        text_clear(&tracer.words);
        open_processes(&tracer);
        loop(&tracer);
        tracer_finish(&tracer);
        close(tracer.out);
        close(tracer.err);
        trace_hits_free(tracer.hits);
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
    if (tracer.write_error)
        errno = tracer.write_error; /* for finish_output(), which reports it */
    return tracer.status;
}
