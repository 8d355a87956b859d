/* SPDX-License-Identifier: MIT */
/* What totals.c keeps, and what counts.c, histogram.c and top.c share. */
#ifndef CLI_TRACE_TOTALS_H
#define CLI_TRACE_TOTALS_H

#include "cli/trace/show/show.h"

struct tally {
    struct count_key key; /* its variant is any that has the key */
    uint64_t count;
    uint64_t added; /* since the round before; tallies_compare() sets it */
};

struct tallies {
    struct tally *list;
    size_t count;
};

struct totals {
    const struct plan *plan;
    struct tallies now;    /* of this round */
    struct tallies before; /* when a change was last printed */
    bool headed;           /* a change was printed: an empty line comes before the next one */
    int64_t drawn;         /* --top: when a table was last drawn, in milliseconds; 0: never */
    size_t lines;          /* of that table */
};

/* Sorts tallies by their probe, and by the value of --by; gives 0 if these are the same. */
int totals_compare_by(const struct plan *plan, const struct tally *a, const struct tally *b);

/* The tally's probe: the first of those that are alike. */
const struct plan_probe *tally_probe(const struct plan *plan, const struct tally *tally);

/* What the argument of --hist, or of --by, is at the tally's sites; NULL: there is none. */
const struct plan_value *tally_hist(const struct plan *plan, const struct tally *tally);

/* Merge the tallies of each group into one, and sort them by group. */
void tallies_merge(const struct plan *plan, struct tallies *tallies);

/* Set what was added since `before`; both are merged. */
void tallies_compare(const struct plan *plan, struct tallies *now, const struct tallies *before);

/* Add the probes that were not hit. */
void tallies_add_unhit(const struct plan *plan, struct tallies *tallies);

/* Sort by count, the largest first. */
void tallies_rank(const struct plan *plan, struct tallies *tallies);

/* The value of --by; its type is NULL if there is none. */
struct shown tally_shown(const struct plan *plan, const struct tally *tally);

/* Write what a tally is of: {"provider":... "by":... */
void tally_open(struct json *json, const struct plan *plan, const struct tally *tally,
                int64_t time);

/* Print them; `time` is in nanoseconds since 1970, 0: these are the totals. */
void totals_show(struct totals *totals, struct tallies *tallies, int64_t time);
void print_counts(const struct plan *plan, struct tallies *tallies, int64_t time);
void print_histograms(const struct plan *plan, struct tallies *tallies, int64_t time);

/* End the round: what it took is `before` of the next one. */
void totals_keep(struct totals *totals);

/* Print a table; `seconds` since the last round: 0: there was none; below 0: without rates. */
void print_table(const struct plan *plan, const struct tally *list, size_t count, double seconds);

/* Remove the table that totals_draw() has drawn. */
void totals_erase(struct totals *totals);

#endif
