/* SPDX-License-Identifier: MIT */
/*
 * The driver's side: a question, its contenders, and their answers.
 */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#define BENCH_MOST_ROUNDS 1000
#define BENCH_MOST_METRICS 12
#define BENCH_LINE 512 /* the longest answer of a worker */

struct metric {
    char name[24];
    size_t count;
    double values[BENCH_MOST_ROUNDS];
};

struct contender {
    const char *id, *label;
    const char *worker, *job, *arg; /* `worker` is the name of a worker program, as in --worker */
    const char *nop;                /* the value of RST_NOP */
    const char *session;            /* for LTTng: an option of lttng_session.h */
    const char *series;             /* a line of a plot by size */
    size_t size;                    /* how many probes or providers */

    /* The results. */
    char note[BENCH_LINE], checked[BENCH_LINE], skipped[BENCH_LINE], failed[BENCH_LINE];
    struct metric *metrics; /* BENCH_MOST_METRICS of them; unused ones have no name */

    /* The worker while it runs. */
    pid_t pid;
    int commands;
    FILE *answers;
};

struct question {
    const char *id, *title;
    const char *empty;    /* the contender whose time is subtracted from the others', or NULL */
    const char *baseline; /* the contender that ratios are relative to */
    bool fresh;           /* a worker measures only once */
    int share;            /* percent of the requested rounds */
    struct contender *contenders;
    size_t count;
};

/* Ask a question: `rounds` rounds, with new workers after every `generation` rounds. */
void question_ask(struct question *question, size_t rounds, size_t generation);

/* The path of the worker of that name; NULL if it was not built. */
const char *worker_path(const char *name);
void worker_add(const char *name, const char *path);

const struct metric *contender_metric(const struct contender *contender, const char *name);
const struct contender *question_contender(const struct question *question, const char *id);

#endif
