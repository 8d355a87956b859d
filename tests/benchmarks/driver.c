/* SPDX-License-Identifier: MIT */
/*
 * The driver of the benchmarks: asks the contenders of each question in turns, prints medians and
 * ratios, and writes all measurements as JSON.
 *
 *     bench --json PATH [--worker NAME PATH]... [QUESTION]...
 *
 * Environment:
 *     RST_BENCH_JSON      where to write the JSON, instead of PATH
 *     RST_BENCH_ROUNDS    how many rounds (30); for loads, three tenths of that
 *     RST_BENCH_ROUND_US  how long a round of a timed loop takes, in microseconds (10000)
 *     RST_BENCH_CPU       the CPU that the workers run on (the last one)
 *
 * It fails if a contender did not do what was to be measured, never because of a time.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "benchmark_list.h"
#include "lttng_session.h"
#include "report.h"

#define ROUNDS 30
#define GENERATION 5 /* rounds until new workers are started */

static size_t rounds_wanted(void)
{
    const char *wish = getenv("RST_BENCH_ROUNDS");
    size_t rounds = wish ? strtoul(wish, NULL, 10) : ROUNDS;

    return rounds < 1 ? 1 : rounds > BENCH_MOST_ROUNDS ? BENCH_MOST_ROUNDS : rounds;
}

/* Run all workers on one CPU, so that the scheduler does not influence the comparison. */
static void choose_cpu(void)
{
    cpu_set_t cpus;
    char number[16];

    if (getenv("RST_BENCH_CPU") || sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
        return;
    for (size_t i = CPU_SETSIZE; i-- > 0;)
        if (CPU_ISSET(i, &cpus)) {
            snprintf(number, sizeof(number), "%zu", i);
            setenv("RST_BENCH_CPU", number, 1);
            return;
        }
}

static bool is_wanted(const struct question *question, char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], question->id) == 0)
            return true;
    return count == 0;
}

static bool failed(const struct question *question)
{
    for (size_t i = 0; i < question->count; i++)
        if (question->contenders[i].failed[0])
            return true;
    return false;
}

/* Ask the named questions, and move them to the front. Gives how many there are. */
static size_t ask(char *const *names, int count, size_t rounds, bool *any_failed)
{
    size_t asked = 0;

    for (size_t i = 0; i < question_count; i++) {
        struct question *question = &questions[i];

        if (!is_wanted(question, names, count))
            continue;
        question_ask(question, (rounds * (size_t)question->share + 99) / 100, GENERATION);
        report_text(question);
        *any_failed |= failed(question);
        questions[asked++] = *question;
    }
    return asked;
}

int main(int argc, char **argv)
{
    const char *json = NULL;
    bool any_failed = false;
    size_t rounds = rounds_wanted(), asked;
    int error, at = 1;

    if (argc > 2 && (strcmp(argv[1], SESSION_OPTION) == 0 || strcmp(argv[1], PLACE_OPTION) == 0))
        return session_run(argv[1], argv + 2);
    while (at < argc && argv[at][0] == '-') {
        if (strcmp(argv[at], "--json") == 0 && at + 1 < argc) {
            json = argv[at + 1];
            at += 2;
        } else if (strcmp(argv[at], "--worker") == 0 && at + 2 < argc) {
            worker_add(argv[at + 1], argv[at + 2]);
            at += 3;
        } else {
            fprintf(stderr, "usage: %s --json PATH [--worker NAME PATH]... [QUESTION]...\n",
                    argv[0]);
            return 2;
        }
    }
    if (getenv("RST_BENCH_JSON"))
        json = getenv("RST_BENCH_JSON");
    signal(SIGPIPE, SIG_IGN); /* a worker that has ended must not end the driver */
    choose_cpu();
    printf("%zu rounds, in turns; CPU %s; medians of nanoseconds\n", rounds,
           getenv("RST_BENCH_CPU"));

    asked = ask(argv + at, argc - at, rounds, &any_failed);
    error = json ? report_json(json, questions, asked, rounds) : 0;
    if (error < 0)
        fprintf(stderr, "%s: %s\n", json, strerror(-error));
    else if (json)
        printf("\nwritten: %s\n", json);
    return any_failed || error < 0;
}
