/* SPDX-License-Identifier: MIT */
/*
 * --hist: the buckets of a histogram, each a power of two wide, and their ranges.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/base/json.h"
#include "cli/trace/totals.h"

static bool is_float(const struct trace_argument *argument)
{
    return argument->kind == TRACE_FLOAT || argument->kind == TRACE_DOUBLE;
}

/* A float's sign and exponent as a number. These numbers have the order of the floats. */
static int64_t float_bucket(const struct trace_argument *argument, int64_t key)
{
    int64_t sign = argument->size == 8 ? 0x800 : 0x100;

    return key & sign ? -(key & (sign - 1)) : key & (sign - 1);
}

int64_t trace_bucket(const struct trace_argument *argument, int64_t key)
{
    return is_float(argument) ? float_bucket(argument, key) : key;
}

static int64_t infinite_bucket(const struct trace_argument *argument)
{
    return argument->size == 8 ? 0x7ff : 0xff;
}

/* The lower limit of a bucket above 0: a power of two. */
static double float_limit(const struct trace_argument *argument, int64_t bucket)
{
    return ldexp(1, (int)bucket - (argument->size == 8 ? 1023 : 127));
}

/* 2^power: "1", "512", "1K", "8E", "16E". */
static void add_power(struct text *ret, int64_t power)
{
    text_addf(ret, "%d", 1 << (power % 10));
    if (power >= 10)
        text_add_bytes(ret, &" KMGTPE"[power / 10], 1);
}

static void add_whole_range(struct text *ret, int64_t bucket)
{
    int64_t power = llabs(bucket) - 1;

    if (bucket == 0 || llabs(bucket) == 1) {
        text_addf(ret, "%lld", (long long)bucket);
        return;
    }
    text_add(ret, bucket < 0 ? "(-" : "[");
    add_power(ret, bucket < 0 ? power + 1 : power);
    text_add(ret, bucket < 0 ? ", -" : ", ");
    add_power(ret, bucket < 0 ? power : power + 1);
    text_add(ret, bucket < 0 ? "]" : ")");
}

void trace_add_range(struct text *ret, const struct trace_argument *argument, int64_t bucket)
{
    int64_t above = llabs(bucket);
    char low[DOUBLE_TEXT], high[DOUBLE_TEXT];

    if (!is_float(argument)) {
        add_whole_range(ret, bucket);
        return;
    }
    snprintf(low, sizeof(low), "%.4g", float_limit(argument, above));
    snprintf(high, sizeof(high), "%.4g", float_limit(argument, above + 1));
    if (bucket == 0)
        text_addf(ret, "(-%s, %s)", high, high);
    else if (above == infinite_bucket(argument))
        text_add(ret, bucket < 0 ? "-inf, nan" : "inf, nan");
    else if (bucket < 0)
        text_addf(ret, "(-%s, -%s]", high, low);
    else
        text_addf(ret, "[%s, %s)", low, high);
}

static void write_whole_range(struct json *json, int64_t bucket)
{
    uint64_t low = bucket == 0 ? 0 : UINT64_C(1) << (llabs(bucket) - 1);
    uint64_t high = bucket == 0 ? 0 : low + (low - 1);

    if (bucket < 0) {
        json_signed(json, "from", high > INT64_MAX ? INT64_MIN : -(int64_t)high);
        json_signed(json, "to", (int64_t)(0 - low));
    } else {
        json_number(json, "from", low);
        json_number(json, "to", high);
    }
}

void trace_json_range(struct json *json, const struct trace_argument *argument, int64_t bucket)
{
    int64_t above = llabs(bucket);
    double low, high;

    if (!is_float(argument)) {
        write_whole_range(json, bucket);
        return;
    }
    high = float_limit(argument, above + 1);
    low = bucket == 0 ? -high : float_limit(argument, above);
    if (above == infinite_bucket(argument))
        low = high = INFINITY;
    json_double(json, "from", bucket < 0 ? -high : low);
    json_double(json, "to", bucket < 0 ? -low : high);
}
