/* SPDX-License-Identifier: MIT */
/*
 * --filter: filter.c parses it, and compare.c writes its comparisons.
 */
#ifndef CLI_TRACE_FILTER_H
#define CLI_TRACE_FILTER_H

#include "cli/trace/trace.h"

__extension__ typedef __int128 wide;

enum comparison { LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, UNEQUAL, NO_COMPARISON };

enum value_kind { VALUE_ARGUMENT, VALUE_NUMBER, VALUE_TEXT, VALUE_TRUTH, VALUE_NULL };

struct value {
    enum value_kind kind;
    size_t at; /* position in the filter */
    const struct trace_argument *argument;
    bool is_whole; /* `whole` has the number exactly */
    wide whole;
    double number;
    struct text text;
};

struct parser {
    const char *start, *at;
    const struct trace_probe *probe;
    const struct trace_bpftrace *bpftrace;
    struct text out;
    unsigned depth;
    char *error;
    size_t error_at;
    bool no_argument;
};

/* Keep the first reason why the filter is wrong. Gives false. */
__attribute__((format(printf, 3, 4))) bool filter_fail(struct parser *parser, size_t at,
                                                       const char *format, ...);

/* Add the comparison of an argument with a value to `out`. Gives whether it is a valid one. */
bool trace_compare(struct parser *parser, const struct trace_argument *argument,
                   enum comparison comparison, const struct value *value);

#endif
