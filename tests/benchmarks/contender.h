/* SPDX-License-Identifier: MIT */
/*
 * The driver's side: a question, its contenders, and what they answered.
 */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#define BENCH_MOST_ROUNDS 1000
#define BENCH_MOST_METRICS 12
#define BENCH_LINE 512 /* of what a worker answers */

struct metric {
    char name[24];
    size_t count;
    double values[BENCH_MOST_ROUNDS];
};

struct contender {
    const char *id, *label;
    const char *worker, *job, *arg; /* `worker` names a worker program, as --worker does */
    const char *nop;                /* RST_NOP */
    const char *session;            /* an option of lttng_session.h, for LTTng */
    const char *series;             /* of a plot by size */
    size_t size;                    /* how many probes or providers */

    /* What came of it. */
    char note[BENCH_LINE], checked[BENCH_LINE], skipped[BENCH_LINE], failed[BENCH_LINE];
    struct metric *metrics; /* BENCH_MOST_METRICS; those unused have no name */

    /* The worker, while it runs. */
    pid_t pid;
    int commands;
    FILE *answers;
};

struct question {
    const char *id, *title;
    const char *empty;    /* the contender that is taken off the others, or NULL */
    const char *baseline; /* the one that ratios are to */
    bool fresh;           /* a worker measures once */
    int share;            /* percent of the rounds that are asked for */
    struct contender *contenders;
    size_t count;
};

/* Ask a question: `rounds` rounds, with new workers every `generation` of them. */
void question_ask(struct question *question, size_t rounds, size_t generation);

/* Where the worker of this name is, and NULL if it was not built. */
const char *worker_path(const char *name);
void worker_add(const char *name, const char *path);

const struct metric *contender_metric(const struct contender *contender, const char *name);
const struct contender *question_contender(const struct question *question, const char *id);

#endif
