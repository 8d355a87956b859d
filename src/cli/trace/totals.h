/* SPDX-License-Identifier: MIT */
/*
 * rst trace: counts, as totals.c keeps them and draw.c shows them, and the buckets of
 * histograms (buckets.c).
 */
#ifndef CLI_TRACE_TOTALS_H
#define CLI_TRACE_TOTALS_H

#include "cli/trace/trace.h"

struct name {
    uint64_t probe, number;
    char *bytes;
    size_t size;
};

/* A map's entry, or several of them whose strings are the same. */
struct tally {
    size_t probe;
    uint64_t by;             /* the argument's bits */
    const struct name *name; /* of a string; NULL: its record was lost */
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

/* Make one of the tallies whose groups are the same, and sort them by group. */
void trace_totals_merge(struct trace_totals *totals);

/* Sort them by count, the largest first, with those probes that were not hit. */
void trace_totals_rank(struct trace_totals *totals);

/* 0: they are of the same probe and value, and differ in their buckets at most. */
int trace_totals_compare_by(const struct tally *a, const struct tally *b);

/* From the map's key for a histogram's argument to a number in the order of the ranges. */
int64_t trace_bucket(const struct trace_argument *argument, int64_t key);

/* A bucket's range, for people and as members of a JSON object. */
void trace_add_range(struct text *ret, const struct trace_argument *argument, int64_t bucket);
struct json;
void trace_json_range(struct json *json, const struct trace_argument *argument, int64_t bucket);

#endif
