/* SPDX-License-Identifier: MIT */
/*
 * A worker: finds its job by name, and measures a round each time the driver tells it to.
 *
 *     worker JOB [ARG]
 *
 * RST_BENCH_CPU is the CPU to run on, RST_BENCH_ROUND_US the time of a timed round.
 */
#include "worker.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char words[512];  /* written by bench_say() */
static char answer[512]; /* written by bench_answer() */

enum bench_outcome bench_say(enum bench_outcome outcome, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    return outcome;
}

void bench_answer(const char *metric, double value)
{
    size_t length = strlen(answer);

    snprintf(answer + length, sizeof(answer) - length, "%s%s %.9g", length ? " " : "", metric,
             value);
}

uint64_t bench_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ----------------------------------------------------------------------------- guards -- */

uint64_t bench_passed;

void bench_pass(void)
{
    bench_passed++;
}

#define GUARD_CHECKS (4 * BENCH_UNROLL)

enum bench_outcome bench_check_guard(void (*run)(uint64_t count), void (*raise)(int by))
{
    run(GUARD_CHECKS);
    if (bench_passed != 0)
        return bench_say(BENCH_FAIL, "the guard was passed although nobody watches");
    raise(1);
    run(GUARD_CHECKS);
    raise(-1);
    if (bench_passed != GUARD_CHECKS)
        return bench_say(BENCH_FAIL, "a raised guard was passed %llu times of %d",
                         (unsigned long long)bench_passed, GUARD_CHECKS);
    bench_passed = 0;
    return BENCH_OK;
}

enum bench_outcome bench_finish_guard(uint64_t total)
{
    if (bench_passed == 0)
        return BENCH_OK;
    return bench_say(BENCH_FAIL, "a tracer watched: the guard was passed %llu times of %llu",
                     (unsigned long long)bench_passed, (unsigned long long)total);
}

/* ----------------------------------------------------------------------------- rounds -- */

static uint64_t total; /* operations since prepare() */

static uint64_t timed(const struct bench_job *job, uint64_t count)
{
    uint64_t start = bench_now();

    job->run(count);
    total += count;
    return bench_now() - start;
}

/* How many operations fill a round. */
static uint64_t calibrate(const struct bench_job *job)
{
    const char *wish = getenv("RST_BENCH_ROUND_US");
    uint64_t round = (wish ? strtoull(wish, NULL, 10) : 10000) * 1000;
    uint64_t count = BENCH_UNROLL;

    while (timed(job, count) < round && count < UINT64_MAX / 4)
        count *= 2;
    return count;
}

static enum bench_outcome measure(const struct bench_job *job, uint64_t count)
{
    uint64_t time;

    answer[0] = '\0';
    if (job->measure)
        return job->measure();
    time = timed(job, count);
    bench_answer("ns", (double)time / (double)count);
    return BENCH_OK;
}

static int report(enum bench_outcome outcome, const char *success)
{
    static const char *const verbs[] = {[BENCH_SKIP] = "skip", [BENCH_FAIL] = "fail"};

    printf("%s %s\n", outcome == BENCH_OK ? success : verbs[outcome], words);
    fflush(stdout);
    words[0] = '\0';
    return outcome == BENCH_OK ? 0 : 1;
}

static void stay_on_cpu(void)
{
    const char *wish = getenv("RST_BENCH_CPU");
    cpu_set_t cpus;

    if (!wish)
        return;
    CPU_ZERO(&cpus);
    CPU_SET((size_t)atoi(wish), &cpus);
    sched_setaffinity(0, sizeof(cpus), &cpus); /* if this fails, the rounds are only noisier */
}

static int serve(const struct bench_job *job, const char *arg)
{
    uint64_t count = 0;
    char command;

    if (report(job->prepare(arg), "ready") != 0)
        return 1;
    if (job->run)
        count = calibrate(job);
    while (read(STDIN_FILENO, &command, 1) == 1) {
        enum bench_outcome outcome = measure(job, count);

        if (outcome != BENCH_OK)
            return report(outcome, "");
        puts(answer);
        fflush(stdout);
    }
    return report(job->finish ? job->finish(total) : BENCH_OK, "done");
}

int main(int argc, char **argv)
{
    for (const struct bench_job *job = bench_jobs; argc > 1 && job->name; job++)
        if (strcmp(job->name, argv[1]) == 0) {
            stay_on_cpu();
            return serve(job, argc > 2 ? argv[2] : "");
        }
    bench_say(BENCH_FAIL, "%s has no job %s", argv[0], argc > 1 ? argv[1] : "(none)");
    return report(BENCH_FAIL, "");
}
