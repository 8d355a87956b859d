/* SPDX-License-Identifier: MIT */
/*
 * A trace, from its start to its end. It ends by
 *
 *     SIGINT, SIGTERM, SIGHUP   unless they were ignored when rst was started, as nohup(1) does
 *     -n, --seconds
 *     the exit of the last process that -p names
 *     stdout: nobody reads it any more, or writing fails
 *
 * Then rst detaches, shows what the kernel has seen until then, and gives the totals. It does not
 * wait for a reader of stdout that stands still (as less does) to take a signal: show/ prints into
 * memory, and what is there is written here.
 */
#include "cli/trace/run.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/trace/queue.h"
#include "cli/trace/show/show.h"
#include "error.h"

#define BOUNCE 1000    /* milliseconds in which a second Ctrl-C counts as the first */
#define AT_ONCE 512    /* events to show before looking at anything else */
#define TOP_ROUND 1000 /* milliseconds between two tables of --top without --every */
#define LONGEST_WAIT 60000

enum { SIGNALS, READER, NEWS, PROCESSES };

struct run {
    const struct plan *plan;
    const struct trace_options *options;
    struct bpf *bpf;
    struct queue *queue;   /* of events; NULL for counts */
    struct show *show;     /* likewise */
    struct totals *totals; /* for counts */
    struct stacks *stacks; /* for --stack */
    FILE *out;             /* what is to be written: it is in `bytes` */
    char *bytes;
    size_t size;
    struct pollfd *ready; /* what the loop waits for */
    size_t ready_count;
    size_t living;           /* how many of the processes of -p are alive */
    int64_t end, next_round; /* in milliseconds(); INT64_MAX: never */
    int64_t asked_at;        /* by a signal */
    size_t probes;           /* those alike count as one, here and in `hits` */
    uint64_t *hits, shown, lost, damaged;
    pid_t seen;      /* the last process that stacks_see() was told of */
    bool ending;     /* detached */
    bool done;       /* nothing more is shown */
    bool hurried;    /* the user does not want to wait for what is still to be shown */
    bool exited;     /* the processes of -p */
    bool unread;     /* nobody reads stdout */
    int write_error; /* or it can't be written */
    enum status status;
};

/* ----------------------------------------------------------------------------------- ends -- */

static void finish(struct run *run)
{
    if (run->ending)
        return;
    run->ending = true;
    bpf_detach(run->bpf);
    if (run->queue)
        queue_finish(run->queue);
    else
        run->done = true;
}

static void take_signal(struct run *run)
{
    struct signalfd_siginfo information;

    if (read(run->ready[SIGNALS].fd, &information, sizeof(information)) != sizeof(information))
        return;
    if (run->asked_at && milliseconds() >= run->asked_at + BOUNCE)
        run->done = run->hurried = true;
    else if (!run->asked_at)
        run->asked_at = milliseconds();
    finish(run);
}

static void take_exits(struct run *run)
{
    for (size_t i = PROCESSES; i < run->ready_count; i++)
        if (run->ready[i].revents) {
            close(run->ready[i].fd);
            run->ready[i].fd = -1; /* poll() ignores it */
            run->exited = --run->living == 0;
        }
    if (run->exited)
        finish(run);
}

/* Write what show/ has printed, and take signals while the reader stands still. */
static void write_out(struct run *run)
{
    struct pollfd ready[] = {{.fd = STDOUT_FILENO, .events = POLLOUT},
                             {.fd = run->ready[SIGNALS].fd, .events = POLLIN}};
    size_t at = 0;
    ssize_t count;

    sure(fflush(run->out) == 0 ? run : NULL);
    while (at < run->size && !run->unread && !run->write_error) {
        if (poll(ready, 2, -1) < 0)
            continue; /* EINTR */
        if (ready[1].revents)
            take_signal(run);
        if (!ready[0].revents) {
            run->write_error = run->hurried ? EPIPE : 0; /* as if the reader had gone */
            continue;
        }
        count = write(STDOUT_FILENO, run->bytes + at,
                      run->size - at < PIPE_BUF ? run->size - at : PIPE_BUF);
        if (count >= 0)
            at += (size_t)count;
        else if (errno != EINTR && errno != EAGAIN)
            run->write_error = errno;
    }
    run->unread |= run->write_error == EPIPE;
    run->done |= run->unread || run->write_error;
    rewind(run->out);
}

/* --------------------------------------------------------------------------------- events -- */

/* A process may end soon, so it is looked at before its hits are shown. */
static void see(void *context, const void *bytes, size_t size)
{
    const struct record *record = bytes;
    struct run *run = context;

    if (size < sizeof(*record) || (pid_t)record->pid == run->seen)
        return;
    run->seen = (pid_t)record->pid;
    stacks_see(run->stacks, run->seen);
}

/* `lost` is how many were lost when a record was read. Records are shown by time, so it may be less
 * than before. */
static void show_loss(struct run *run, uint64_t lost)
{
    if (lost <= run->lost)
        return;
    show_lost(run->show, lost - run->lost);
    run->lost = lost;
}

/* Show what has come. Gives whether there is more to show at once. */
static bool show_events(struct run *run)
{
    enum queue_state state = QUEUE_READY;
    struct queued record;
    struct event event;

    for (size_t i = 0; i < AT_ONCE && !run->done; i++) {
        state = queue_next(run->queue, &record);
        if (state != QUEUE_READY)
            break;
        show_loss(run, record.lost);
        if (!event_read(run->plan, record.bytes, record.size, &event)) {
            run->damaged++;
            continue;
        }
        show_event(run->show, &event);
        run->hits[event.probe->alike]++;
        run->done = ++run->shown == run->options->hits;
    }
    write_out(run);
    run->done |= state == QUEUE_END;
    return state == QUEUE_READY && !run->done;
}

/* --------------------------------------------------------------------------------- counts -- */

static void read_counts(struct run *run)
{
    int error;

    totals_clear(run->totals);
    error = bpf_counts(run->bpf, totals_take, run->totals);
    if (error == 0)
        return;
    run->status = say_failure(error);
    run->done = true;
}

static void show_round(struct run *run)
{
    if (milliseconds() < run->next_round)
        return;
    while (run->next_round <= milliseconds())
        run->next_round += run->options->every ? (int64_t)run->options->every : TOP_ROUND;
    read_counts(run);
    (run->options->top ? totals_draw : totals_print_change)(run->totals);
    write_out(run);
}

/* ----------------------------------------------------------------------------------- loop -- */

static int wait_time(const struct run *run)
{
    int64_t until = run->end < run->next_round ? run->end : run->next_round;
    int64_t left = run->ending ? LONGEST_WAIT : until - milliseconds();
    int patience = run->queue ? queue_patience(run->queue) : -1;

    if (patience >= 0 && patience < left)
        left = patience;
    return left < 0 ? 0 : left < LONGEST_WAIT ? (int)left : LONGEST_WAIT;
}

static void loop(struct run *run)
{
    bool more = false;
    uint64_t news;

    while (!run->done) {
        if (poll(run->ready, run->ready_count, more ? 0 : wait_time(run)) < 0)
            continue;                     /* EINTR, and poll() did not set `revents` */
        if (run->ready[READER].revents) { /* POLLERR for a pipe, POLLHUP for a socket or terminal */
            run->unread = run->done = true;
            break;
        }
        if (run->ready[NEWS].revents)
            (void)!read(run->ready[NEWS].fd, &news, sizeof(news));
        if (run->ready[SIGNALS].revents)
            take_signal(run);
        take_exits(run);
        if (milliseconds() >= run->end)
            finish(run);
        if (run->totals && !run->done)
            show_round(run);
        more = run->queue && !run->done && show_events(run);
    }
    finish(run);
}

/* ---------------------------------------------------------------------------------- start -- */

/* Signals that end a trace, unless they were ignored at the start. */
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

/*
 * Watch the processes of -p, to end when the last one ends; but not if a FILE is watched as well,
 * in all processes.
 */
static void open_ready(struct run *run, int signals)
{
    const struct search *search = &run->options->search;
    size_t count = search->file_count > 0 ? 0 : search->pid_count;

    run->ready = sure(calloc(PROCESSES + count, sizeof(*run->ready)));
    run->ready_count = PROCESSES + count;
    run->ready[SIGNALS] = (struct pollfd){.fd = signals, .events = POLLIN};
    run->ready[READER] = (struct pollfd){.fd = STDOUT_FILENO}; /* poll() tells if nobody reads */
    run->ready[NEWS] = (struct pollfd){.fd = -1, .events = POLLIN};
    for (size_t i = 0; i < count; i++) {
        int process = (int)syscall(SYS_pidfd_open, search->pids[i], 0);

        run->ready[PROCESSES + i] = (struct pollfd){.fd = process, .events = POLLIN};
        /* If a filter of system calls refuses it, a user must end the trace. */
        run->living += process >= 0 || errno != ESRCH;
    }
    run->exited = count > 0 && run->living == 0;
}

static int start_showing(struct run *run)
{
    const struct plan *plan = run->plan;
    int error;

    run->out = sure(open_memstream(&run->bytes, &run->size));
    run->hits = sure(calloc(plan->probe_count, sizeof(*run->hits)));
    for (size_t i = 0; i < plan->probe_count; i++)
        run->probes += plan->probes[i].alike == i;
    if (run->options->mode != TRACE_EVENTS) {
        run->totals = totals_new(plan, run->out);
        return 0;
    }
    if (run->options->stack) {
        run->stacks = stacks_new(plan);
        for (size_t i = 0; i < run->options->search.pid_count; i++)
            stacks_see(run->stacks, run->options->search.pids[i]);
    }
    run->show = show_new(plan, run->stacks, run->out);
    error = queue_start(run->bpf, run->stacks ? see : NULL, run, &run->queue);
    if (error == 0)
        run->ready[NEWS].fd = queue_descriptor(run->queue);
    return error;
}

static enum status start(struct run *run)
{
    int signals = block_signals();
    int error = bpf_load(run->plan, &run->bpf); /* raises the limit of descriptors */

    open_ready(run, signals);
    if (error == 0)
        error = bpf_attach(run->bpf);
    if (error == 0)
        error = start_showing(run);
    if (error < 0)
        return say_failure(error);
    if (run->options->milliseconds)
        run->end = milliseconds() + (int64_t)run->options->milliseconds;
    if (run->options->every || run->options->top)
        run->next_round = milliseconds(); /* the first round is at once */
    if (run->probes == 1)
        say("watching %s; Ctrl-C ends it", run->plan->probes->title);
    else
        say("watching %zu probes; Ctrl-C ends it", run->probes);
    return STATUS_GOOD;
}

/* ------------------------------------------------------------------------------------ end -- */

static void say_totals(const struct run *run)
{
    const struct plan *plan = run->plan;
    struct text words = {0};
    size_t shown = 0;

    text_addf(&words, "%" PRIu64 " hit%s", run->shown, run->shown == 1 ? "" : "s");
    for (size_t i = 0; run->probes > 1 && i < plan->probe_count; i++)
        if (run->hits[i] > 0)
            text_addf(&words, "%s%s %" PRIu64, shown++ ? ", " : ": ", plan->probes[i].title,
                      run->hits[i]);
    if (run->lost > 0)
        text_addf(&words, "; %" PRIu64 " records lost", run->lost);
    if (run->damaged > 0)
        text_addf(&words, "; %" PRIu64 " records could not be read", run->damaged);
    say("%s", words.bytes);
    free(words.bytes);
}

static void end(struct run *run)
{
    const struct search *search = &run->options->search;
    uint64_t uncounted = bpf_uncounted(run->bpf), crowded = bpf_crowded(run->bpf);

    if (run->unread)
        return;
    if (run->totals) {
        read_counts(run);
        (run->options->top ? totals_draw : totals_print)(run->totals);
    } else if (run->shown < run->options->hits || run->options->hits == 0) {
        show_loss(run, bpf_lost(run->bpf));
    }
    write_out(run);
    if (run->exited && search->pid_count == 1)
        say("process %ld has exited", (long)search->pids[0]);
    else if (run->exited)
        say("all %zu processes have exited", search->pid_count);
    if (run->show)
        say_totals(run);
    if (uncounted > 0)
        say("%" PRIu64 " hits were not counted: there is room for %d different values", uncounted,
            TRACE_MOST_KEYS);
    if (crowded > 0)
        say("%" PRIu64 " hits were not seen: on their CPU, %d others were preempted or waited for "
            "memory",
            crowded, SLOTS_OF_CPU);
}

static void free_run(struct run *run)
{
    queue_free(run->queue);
    show_free(run->show);
    stacks_free(run->stacks);
    totals_free(run->totals);
    bpf_free(run->bpf);
    if (run->out)
        fclose(run->out);
    for (size_t i = PROCESSES; i < run->ready_count; i++)
        if (run->ready[i].fd >= 0)
            close(run->ready[i].fd);
    close(run->ready[SIGNALS].fd);
    free(run->bytes);
    free(run->ready);
    free(run->hits);
}

enum status run_trace(struct plan *plan)
{
    struct run run = {
        .plan = plan, .options = plan->options, .end = INT64_MAX, .next_round = INT64_MAX};
    enum status status = start(&run);

    if (status == STATUS_GOOD) {
        if (run.exited)
            finish(&run);
        loop(&run);
        end(&run);
        status = run.status;
    }
    free_run(&run);
    if (run.write_error && run.write_error != EPIPE) /* whose reader wants no more */
        say("standard output: %s", strerror(run.write_error));
    return run.write_error ? STATUS_FAILED : status;
}
