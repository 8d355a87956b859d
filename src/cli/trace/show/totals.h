/* SPDX-License-Identifier: MIT */
/* What totals.c keeps, for histogram.c. */
#ifndef CLI_TRACE_TOTALS_H
#define CLI_TRACE_TOTALS_H

#include "cli/trace/show/show.h"

struct tally {
    struct count_key key;     /* its variant is any that has the key */
    uint64_t count, before;   /* before: in the round before */
    wide total, total_before; /* of a histogram: of the values; for floats of their bits */
    wide highest;             /* key (filter.h) */
};

struct tallies {
    struct tally *list;
    size_t count;
};

/* What a tally is of. */
struct group {
    const struct plan_probe *probe; /* the first of those that are alike */
    const struct plan_value *hist;  /* what the argument of --hist is; NULL: there is none */
    struct shown by;                /* its type is NULL if there is none */
};

struct group tally_group(const struct plan *plan, const struct tally *tally);

/* For qsort_r(), with a plan's address: by group, and by bucket, the unreadable last. */
int tally_compare(const void *left, const void *right, void *plan);

/* Write what a tally is of: {"provider":... "by":... */
void tally_open(struct json *json, const struct plan *plan, const struct tally *tally,
                int64_t time);

/* `time` is in nanoseconds since 1970, 0: these are the totals. */
void print_histograms(const struct plan *plan, const struct tallies *tallies, int64_t time,
                      FILE *out);

#endif
