/* SPDX-License-Identifier: MIT */
/*
 * A trace from its start to its end: signals, -n, --seconds, --every, exits, a reader that goes, a
 * full disk, order, losses. rst runs in a child and watches the test itself. In place of show/ are
 * functions that print what they are given. What may depend on it is tried with perf events, too.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/trace/run.h"
#include "cli/trace/show/show.h"
#include "self_plan.h"
#include "support/children.h"
#include "support/tracer.h"

#define DEADLINE 20 /* seconds */
#define MOST_OUTPUT ((size_t)8 << 20)

/* ----------------------------------------------------------------------------- doubles -- */

struct show {
    FILE *out;
};
struct totals {
    FILE *out;
    uint64_t count;
};

struct show *show_new(const struct plan *plan, struct stacks *stacks, FILE *out)
{
    struct show *show = calloc(1, sizeof(struct show));

    (void)plan, (void)stacks;
    show->out = out;
    return show;
}

void show_event(struct show *show, const struct event *event)
{
    fprintf(show->out, "%s %" PRIu64 " at %" PRIu64 "\n", event->probe->name, event->values[0],
            event->time);
}

void show_lost(struct show *show, uint64_t count)
{
    fprintf(show->out, "lost %" PRIu64 "\n", count);
}

void show_free(struct show *show)
{
    free(show);
}

struct totals *totals_new(const struct plan *plan, FILE *out)
{
    struct totals *totals = calloc(1, sizeof(struct totals));

    (void)plan;
    totals->out = out;
    return totals;
}

void totals_free(struct totals *totals)
{
    free(totals);
}

void totals_clear(struct totals *totals)
{
    totals->count = 0;
}

void totals_take(void *totals, const struct count_key *key, const struct count_sum *sum)
{
    (void)key;
    ((struct totals *)totals)->count += sum->count;
}

void totals_print(struct totals *totals)
{
    fprintf(totals->out, "total %" PRIu64 "\n", totals->count);
}

void totals_print_change(struct totals *totals)
{
    fprintf(totals->out, "round %" PRIu64 "\n", totals->count);
}

void totals_draw(struct totals *totals)
{
    fprintf(totals->out, "top %" PRIu64 "\n", totals->count);
}

struct stacks *stacks_new(const struct plan *plan)
{
    (void)plan;
    return calloc(1, 1);
}

void stacks_free(struct stacks *stacks)
{
    free(stacks);
}

void stacks_see(struct stacks *stacks, pid_t pid)
{
    (void)stacks;
    printf("seen %ld\n", (long)pid);
}

/* -------------------------------------------------------------------------------- rst -- */

struct traced {
    rst_provider *provider;
    rst_probe *order, *closed;
    struct self_plan self;
    pid_t pids[2];
    pid_t rst;
    int output;
    char *text;
    size_t size;
};

/* Load two probes, and plan to watch them in a process; change the options, then start(). */
static void prepare(struct traced *traced, pid_t pid)
{
    need_tracer();
    *traced = (struct traced){.provider = rst_provider_new("market")};
    traced->order = rst_provider_add(traced->provider, "order", "uint64 id, string customer");
    traced->closed = rst_provider_add(traced->provider, "closed", "uint64 id");
    check_equal(rst_provider_load(traced->provider), 0);
    traced->text = calloc(1, MOST_OUTPUT);
    check(traced->text);
    traced->pids[0] = pid ? pid : getpid();
    self_plan_begin(&traced->self, traced->pids[0]);
    traced->self.options.search.pids = traced->pids;
    traced->self.options.search.pid_count = 1;
    self_plan_add(&traced->self, "market", traced->order);
}

static void begin(struct traced *traced, int output)
{
    traced->rst = fork();
    check(traced->rst >= 0);
    if (traced->rst != 0)
        return;
    dup2(output, STDOUT_FILENO);
    if (traced->output > 0) {
        dup2(output, STDERR_FILENO);
        close(output);
        close(traced->output);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN); /* as nohup(1) does */
    _exit(finish_output(run_trace(&traced->self.plan)));
}

/* Start rst, with a pipe from its stdout and stderr. */
static void start(struct traced *traced)
{
    int ends[2];

    check_equal(pipe2(ends, O_CLOEXEC), 0);
    traced->output = ends[0];
    begin(traced, ends[1]);
    close(ends[1]);
}

/* Read more. Gives false at the end. */
static bool more(struct traced *traced)
{
    struct pollfd ready = {.fd = traced->output, .events = POLLIN};
    ssize_t size;

    check(poll(&ready, 1, DEADLINE * 1000) == 1);
    size = read(traced->output, traced->text + traced->size, MOST_OUTPUT - 1 - traced->size);
    check(size >= 0);
    traced->size += (size_t)size;
    traced->text[traced->size] = '\0';
    return size > 0;
}

static void await(struct traced *traced, const char *words)
{
    size_t from = 0; /* what is before it was searched already */

    while (!strstr(traced->text + from, words)) {
        from = traced->size > strlen(words) ? traced->size - strlen(words) : 0;
        if (!more(traced))
            check_failed(__FILE__, __LINE__, "\"%s\" is not in \"%s\"", words, traced->text);
    }
}

static void end(struct traced *traced, int status)
{
    int ended;

    while (traced->output > 0 && more(traced))
        ;
    check(waitpid(traced->rst, &ended, 0) == traced->rst);
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) != status)
        check_failed(__FILE__, __LINE__, "status 0x%x, not %d, after \"%s\"", ended, status,
                     traced->text);
    check(!rst_probe_enabled(traced->order));
    self_plan_free(&traced->self);
    rst_provider_free(traced->provider);
    if (traced->output > 0)
        close(traced->output);
    free(traced->text);
}

/*
 * Count the hits in the output, whose times must rise. But if RST_DEADLINE says that the machine is
 * slow, some may come late: a CPU that stops amid a program writes its record later than queue.c
 * waits for (DISORDER).
 */
static size_t hits(const struct traced *traced)
{
    const char *at = traced->text, *end, *words;
    uint64_t last = 0, time;
    size_t count = 0, late = 0;

    for (; at && (end = strchr(at, '\n')); at = end + 1) {
        words = memmem(at, (size_t)(end - at), " at ", 4);
        if (!words)
            continue;
        time = strtoull(words + 4, NULL, 10);
        late += time < last;
        last = time;
        count++;
    }
    if (late > (getenv("RST_DEADLINE") ? count / 100 : 0))
        check_failed(__FILE__, __LINE__, "%zu of %zu hits are out of order", late, count);
    return count;
}

static void fire(struct traced *traced, size_t count)
{
    for (size_t i = 0; i < count; i++)
        RST_FIRE(traced->order, i, "Ada");
}

/* ------------------------------------------------------------------------------- tests -- */

static void ends_by_a_signal_with_totals(void **state)
{
    struct traced traced;

    (void)state;
    prepare(&traced, 0);
    self_plan_add(&traced.self, "market", traced.closed);
    start(&traced);
    await(&traced, "rst: watching 2 probes; Ctrl-C ends it\n");
    fire(&traced, 2);
    await(&traced, "order 1 at ");
    kill(traced.rst, SIGHUP); /* is ignored */
    RST_FIRE(traced.closed, 9);
    await(&traced, "closed 9 at ");
    fire(&traced, 1); /* just before the end */
    kill(traced.rst, SIGINT);
    await(&traced, "rst: 4 hits: market:order 3, market:closed 1\n");
    end(&traced, STATUS_GOOD);
}

static void ends_after_exactly_n_hits(void **state)
{
    struct traced traced;

    (void)state;
    prepare(&traced, 0);
    traced.self.options.hits = 3;
    start(&traced);
    await(&traced, "rst: watching market:order; Ctrl-C ends it\n");
    fire(&traced, 100);
    await(&traced, "rst: 3 hits\n");
    check_equal(hits(&traced), 3);
    end(&traced, STATUS_GOOD);
}

static void ends_after_seconds(void **state)
{
    struct traced traced;

    (void)state;
    prepare(&traced, 0);
    traced.self.options.milliseconds = 100;
    start(&traced);
    await(&traced, "rst: 0 hits\n");
    end(&traced, STATUS_GOOD);
}

static void fire_and_exit(void *data)
{
    struct traced *traced = data;

    child_pause();
    fire(traced, 500);
}

static void ends_with_the_last_process(void **state)
{
    struct traced traced, other;
    struct child children[2];
    char words[64];

    (void)state;
    prepare(&traced, 0);
    for (size_t i = 0; i < 2; i++) {
        children[i] = child_start(fire_and_exit, &traced);
        child_await(&children[i]);
        traced.pids[i] = children[i].pid;
    }
    other = traced;
    other.text = calloc(1, MOST_OUTPUT);
    traced.self.plan.files[0].pids = traced.self.options.search.pids = traced.pids;
    traced.self.plan.files[0].pid_count = 1;
    start(&traced);
    await(&traced, "rst: watching");
    other.self.plan.files = calloc(1, sizeof(struct plan_file));
    *other.self.plan.files = *traced.self.plan.files;
    other.self.plan.options = &other.self.options;
    other.self.plan.files[0].pids = other.self.options.search.pids = other.pids;
    other.self.plan.files[0].pid_count = other.self.options.search.pid_count = 2;
    start(&other);
    await(&other, "rst: watching");
    child_continue(&children[0]);
    child_join(&children[0]);
    snprintf(words, sizeof(words), "rst: process %ld has exited\nrst: 500 hits\n",
             (long)children[0].pid);
    await(&traced, words);
    end(&traced, STATUS_GOOD);
    child_continue(&children[1]);
    child_join(&children[1]);
    await(&other, "rst: all 2 processes have exited\nrst: 1000 hits\n");
    check_equal(hits(&other), 1000);
    free(other.self.plan.files);
    free(other.text);
    close(other.output);
    check(waitpid(other.rst, NULL, 0) == other.rst);
}

static void leave(void *data)
{
    (void)data;
}

static void says_that_a_process_had_exited(void **state)
{
    struct child child = child_start(leave, NULL);
    struct traced traced;
    char words[80];

    (void)state;
    child_join(&child);
    prepare(&traced, child.pid);
    start(&traced);
    snprintf(words, sizeof(words), "rst: process %ld exited before it could be watched\n",
             (long)child.pid);
    await(&traced, words);
    end(&traced, STATUS_GONE);
}

static void ends_when_nobody_reads(void **state)
{
    struct traced traced;

    (void)state;
    prepare(&traced, 0);
    start(&traced);
    await(&traced, "rst: watching");
    close(traced.output);
    traced.output = 0;
    end(&traced, STATUS_GOOD);
}

/* A perf event counts in the semaphore before it has its program, so one hit may go unseen. */
static bool has_ended_after_a_hit(const void *data)
{
    const struct traced *traced = data;
    siginfo_t ended = {0};

    RST_FIRE(traced->order, 0, "Ada");
    check_equal(waitid(P_PID, (id_t)traced->rst, &ended, WEXITED | WNOHANG | WNOWAIT), 0);
    return ended.si_pid != 0;
}

static void reports_a_full_disk(void **state)
{
    struct traced traced;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    check(full >= 0);
    prepare(&traced, 0);
    begin(&traced, full);
    close(full);
    check(wait_until(has_ended_after_a_hit, &traced));
    end(&traced, STATUS_FAILED);
}

static void *fire_many(void *data)
{
    struct traced *traced = data;

    fire(traced, 30000);
    return NULL;
}

/* The pipe is read only when all is fired: what does not fit into it, rst keeps. */
static void loses_nothing_when_it_is_read_late_and_keeps_the_order(void **state)
{
    struct traced traced;
    pthread_t threads[2];

    (void)state;
    prepare(&traced, 0);
    start(&traced);
    await(&traced, "rst: watching");
    for (size_t i = 0; i < 2; i++)
        check_equal(pthread_create(&threads[i], NULL, fire_many, &traced), 0);
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    kill(traced.rst, SIGTERM);
    await(&traced, "rst: 60000 hits\n");
    check_equal(hits(&traced), 60000);
    end(&traced, STATUS_GOOD);
}

static void tells_what_is_lost(void **state)
{
    struct traced traced;
    char words[64];
    uint64_t lost;

    (void)state;
    prepare(&traced, 0);
    start(&traced);
    await(&traced, "rst: watching");
    kill(traced.rst, SIGSTOP);
    check(waitpid(traced.rst, NULL, WUNTRACED) == traced.rst);
    fire(&traced, 40000);
    kill(traced.rst, SIGCONT);
    await(&traced, "lost ");
    await(&traced, "order");
    kill(traced.rst, SIGINT);
    await(&traced, " records lost\n");
    lost = strtoull(strstr(traced.text, "lost ") + 5, NULL, 10);
    check(lost > 0 && hits(&traced) == 40000 - lost);
    snprintf(words, sizeof(words), "rst: %" PRIu64 " hits; %" PRIu64 " records lost\n",
             40000 - lost, lost);
    await(&traced, words);
    end(&traced, STATUS_GOOD);
}

static void counts_in_rounds(void **state)
{
    struct traced traced;

    (void)state;
    prepare(&traced, 0);
    traced.self.options.mode = TRACE_COUNT;
    traced.self.options.every = 20;
    start(&traced);
    await(&traced, "round 0\n");
    fire(&traced, 3);
    await(&traced, "round 3\n");
    kill(traced.rst, SIGINT);
    await(&traced, "total 3\n");
    end(&traced, STATUS_GOOD);
    prepare(&traced, 0);
    traced.self.options.mode = TRACE_COUNT;
    traced.self.options.top = true;
    start(&traced);
    await(&traced, "top 0\n");
    fire(&traced, 3);
    kill(traced.rst, SIGINT);
    await(&traced, "top 3\n");
    end(&traced, STATUS_GOOD);
}

static void looks_at_processes_for_their_stacks(void **state)
{
    struct traced traced;
    char words[32];

    (void)state;
    prepare(&traced, 0);
    traced.self.options.stack = true;
    traced.self.options.hits = 1;
    start(&traced);
    snprintf(words, sizeof(words), "seen %ld\n", (long)getpid());
    await(&traced, "rst: watching");
    fire(&traced, 1);
    await(&traced, words);
    await(&traced, "rst: 1 hit\n");
    end(&traced, STATUS_GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_by_a_signal_with_totals),
        cmocka_unit_test(ends_after_exactly_n_hits),
        cmocka_unit_test(ends_after_seconds),
        cmocka_unit_test(ends_with_the_last_process),
        cmocka_unit_test(says_that_a_process_had_exited),
        cmocka_unit_test(ends_when_nobody_reads),
        cmocka_unit_test(reports_a_full_disk),
        cmocka_unit_test(loses_nothing_when_it_is_read_late_and_keeps_the_order),
        cmocka_unit_test(tells_what_is_lost),
        cmocka_unit_test(counts_in_rounds),
        cmocka_unit_test(looks_at_processes_for_their_stacks),
    };
    const struct CMUnitTest by_events[] = {
        cmocka_unit_test(ends_by_a_signal_with_totals),
        cmocka_unit_test(ends_with_the_last_process),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    setenv("RST_TRACE_ATTACH", "perf", 1);
    return failed + cmocka_run_group_tests(by_events, NULL, NULL);
}
