/* SPDX-License-Identifier: MIT */
/*
 * Prints the results as text for people, and as JSON for plot.py.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "contender.h"

/* Median and quartiles. */
struct spread {
    double low, median, high;
};
struct spread metric_spread(const struct metric *metric);

void report_text(const struct question *question);

/* Gives 0 or a negative errno. */
int report_json(const char *path, const struct question *all, size_t count, size_t rounds);

#endif
