/* SPDX-License-Identifier: MIT */
/*
 * rst trace: counts, kept by totals.c and printed by draw.c, and the buckets of histograms
 * (buckets.c).
 */
#ifndef CLI_TRACE_TOTALS_H
#define CLI_TRACE_TOTALS_H

#include "cli/trace/trace.h"

struct name {
    uint64_t probe, number;
    char *bytes;
    size_t size;
};

/* An entry of a map, or several with the same string. */
struct tally {
    size_t probe;
    uint64_t by;             /* the argument's bits */
    const struct name *name; /* the string with that number; NULL: its record was lost */
    int64_t bucket;
    uint64_t count;
};

struct trace_totals {
    struct trace *trace;
    struct name **names;
    size_t name_count;
    struct tally *tallies;
    size_t tally_count;
};

/* Merge the tallies of each group into one, and sort them by group. */
void trace_totals_merge(struct trace_totals *totals);

/* Add the probes that were not hit, and sort by count, the largest first. */
void trace_totals_rank(struct trace_totals *totals);

/* Gives 0 if both are of the same probe and the same value of --by. */
int trace_totals_compare_by(const struct tally *a, const struct tally *b);

/* Convert the key in a histogram's map to a bucket number in the order of the ranges. */
int64_t trace_bucket(const struct trace_argument *argument, int64_t key);

/* Add a bucket's range, for people or as members of a JSON object. */
void trace_add_range(struct text *ret, const struct trace_argument *argument, int64_t bucket);
struct json;
void trace_json_range(struct json *json, const struct trace_argument *argument, int64_t bucket);

#endif
