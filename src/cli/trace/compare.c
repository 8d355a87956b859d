/* SPDX-License-Identifier: MIT */
/*
 * --filter: one comparison of an argument with a constant, as an expression for bpftrace.
 *
 * Versions of bpftrace differ in signs, widths and large constants. They agree on one thing: how
 * they compare one int64 with another. So each argument is converted to an int64 key that has the
 * same order (see trace_add_key()). A constant that the argument's type can't have is decided here.
 * bpftrace has no floating point, but the bits of all floats below a number are at most two ranges
 * of integers.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/trace/filter.h"

/* -------------------------------------------------------------------------- numbers -- */

static bool decide(struct parser *parser, bool truth)
{
    text_add(&parser->out, truth ? "(1 == 1)" : "(1 == 0)");
    return true;
}

static void add_wide(struct text *ret, wide number)
{
    if (number < 0)
        text_addf(ret, "%lld", (long long)number);
    else
        text_addf(ret, "%llu", (unsigned long long)number);
}

/*
 * Decide a comparison with a number that the type does not have. It need not be a mistake, if
 * several probes are watched, so it is only reported.
 */
static bool decide_out_of_range(struct parser *parser, const struct trace_argument *argument,
                                const struct value *value, wide least, wide most, bool truth)
{
    struct text words = {0};
    char digits[DOUBLE_TEXT];

    text_addf(&words, "%s of %s:%s is %s: ", argument->name, parser->probe->provider,
              parser->probe->name, argument->site.type);
    if (value->is_whole)
        add_wide(&words, value->whole);
    else
        text_add(&words, double_text(value->number, digits));
    text_add(&words, " is out of range (");
    add_wide(&words, least);
    text_add(&words, " to ");
    add_wide(&words, most);
    say("--filter: %s), so that is %s true", words.bytes, truth ? "always" : "never");
    free(words.bytes);
    return decide(parser, truth);
}

static const char *const signs[] = {"<", "<=", ">", ">=", "==", "!="};

/* The key of a number of the argument's type. */
static int64_t key_of(const struct trace_argument *argument, wide number)
{
    unsigned bits = 8U * argument->size;

    if (bits == 64 && !argument->is_signed)
        return (int64_t)(number - ((wide)1 << 63));
    if (bits < 64 && argument->is_signed)
        return (int64_t)(number + ((wide)1 << (bits - 1)));
    return (int64_t)number;
}

static void add_comparison(struct parser *parser, const struct trace_argument *argument,
                           enum comparison comparison, wide number)
{
    text_add(&parser->out, "(");
    trace_add_key(&parser->out, argument);
    text_addf(&parser->out, " %s ", signs[comparison]);
    trace_add_number(&parser->out, key_of(argument, number));
    text_add(&parser->out, ")");
}

static bool compare_whole(struct parser *parser, const struct trace_argument *argument,
                          enum comparison comparison, const struct value *value)
{
    unsigned bits = 8U * argument->size;
    wide least = argument->is_signed ? -((wide)1 << (bits - 1)) : 0;
    wide most = ((wide)1 << (argument->is_signed ? bits - 1 : bits)) - 1, number = value->whole;

    if (!value->is_whole && comparison >= EQUAL)
        return decide(parser, comparison == UNEQUAL);
    if (!value->is_whole && fabs(value->number) < 0x1p100) {
        /* x < 1.5 is x <= 1, and x > 1.5 is x > 1 */
        number = (wide)floor(value->number);
        comparison = comparison == LESS || comparison == LESS_EQUAL ? LESS_EQUAL : GREATER;
    } else if (!value->is_whole) {
        number = value->number < 0 ? least - 1 : most + 1;
    }
    if (number < least)
        return decide_out_of_range(parser, argument, value, least, most,
                                   comparison == GREATER || comparison == GREATER_EQUAL ||
                                       comparison == UNEQUAL);
    if (number > most)
        return decide_out_of_range(parser, argument, value, least, most,
                                   comparison == LESS || comparison == LESS_EQUAL ||
                                       comparison == UNEQUAL);
    add_comparison(parser, argument, comparison, number);
    return true;
}

/* ----------------------------------------------------------------- floating point -- */

/*
 * Ranks number the bits of floats in the order of the floats: rank 0 is the lowest NaN. `top` is
 * the sign's bit.
 */
static uint64_t bits_of_rank(uint64_t rank, uint64_t top)
{
    return rank & top ? rank ^ top : ~rank & (top | (top - 1));
}

static double number_of(const struct trace_argument *argument, uint64_t bits)
{
    uint32_t narrow = (uint32_t)bits;
    double number;
    float single;

    if (argument->size == 8) {
        memcpy(&number, &bits, sizeof(number));
        return number;
    }
    memcpy(&single, &narrow, sizeof(single));
    return (double)single;
}

/*
 * The first rank in [low, high) whose number is at or above the limit; with `or_equal`, above it.
 */
static uint64_t first_above(const struct trace_argument *argument, uint64_t low, uint64_t high,
                            double limit, bool or_equal)
{
    uint64_t top = (uint64_t)1 << (8 * argument->size - 1);

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        double number = number_of(argument, bits_of_rank(middle, top));

        if (number < limit || (or_equal && number == limit))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A range of bits, both ends included. */
static void add_range(struct parser *parser, const struct trace_argument *argument, uint64_t low,
                      uint64_t high)
{
    text_add(&parser->out, "(");
    add_comparison(parser, argument, GREATER_EQUAL, low);
    text_add(&parser->out, " && ");
    add_comparison(parser, argument, LESS_EQUAL, high);
    text_add(&parser->out, ")");
}

/*
 * The ranks from `first` to before `end`. Those of negative numbers are one range of bits, those of
 * positive numbers another.
 */
static void add_ranks(struct parser *parser, const struct trace_argument *argument, uint64_t first,
                      uint64_t end)
{
    uint64_t top = (uint64_t)1 << (8 * argument->size - 1);
    bool below = first < end && first < top, above = first < end && end > top;

    text_add(&parser->out, "(");
    if (below)
        add_range(parser, argument, bits_of_rank((end < top ? end : top) - 1, top),
                  bits_of_rank(first, top));
    if (below && above)
        text_add(&parser->out, " || ");
    if (above)
        add_range(parser, argument, bits_of_rank(first > top ? first : top, top),
                  bits_of_rank(end - 1, top));
    if (!below && !above)
        decide(parser, false);
    text_add(&parser->out, ")");
}

static bool compare_float(struct parser *parser, const struct trace_argument *argument,
                          enum comparison comparison, double limit)
{
    uint64_t top = (uint64_t)1 << (8 * argument->size - 1);
    uint64_t infinity = argument->size == 8 ? UINT64_C(0x7ff0000000000000) : 0x7f800000;
    uint64_t first = top - 1 - infinity, end = top + infinity + 1; /* without NaNs */
    uint64_t equal = first_above(argument, first, end, limit, false);
    uint64_t above = first_above(argument, equal, end, limit, true);

    switch (comparison) {
    case LESS:
        end = equal;
        break;
    case LESS_EQUAL:
        end = above;
        break;
    case GREATER:
        first = above;
        break;
    case GREATER_EQUAL:
        first = equal;
        break;
    default:
        first = equal;
        end = above;
    }
    if (comparison == UNEQUAL) /* a NaN is unequal to every number */
        text_add(&parser->out, "!");
    add_ranks(parser, argument, first, end);
    return true;
}

/* ---------------------------------------------------------------------- comparisons -- */

static void add_literal(struct text *ret, const struct text *text)
{
    text_add(ret, "\"");
    for (size_t i = 0; i < text->size; i++) {
        char c = text->bytes[i];

        if (c >= ' ' && c <= '~' && c != '"' && c != '\'' && c != '\\')
            text_add_bytes(ret, &c, 1);
        else
            text_addf(ret, "\\x%02x", (unsigned char)c);
    }
    text_add(ret, "\"");
}

static bool compare_text(struct parser *parser, const struct trace_argument *argument,
                         enum comparison comparison, const struct value *value)
{
    if (argument->kind != TRACE_STRING)
        return filter_fail(parser, value->at, "%s is not a string (--string %s makes it one)",
                           argument->name, argument->name);
    if (comparison < EQUAL)
        return filter_fail(parser, value->at, "a string can only be compared by == and !=");
    if (value->text.size >= parser->bpftrace->string_room)
        return filter_fail(parser, value->at,
                           "this text has %zu bytes, but bpftrace reads only %zu of a string",
                           value->text.size, parser->bpftrace->string_room - 1);
    text_add(&parser->out, "(");
    trace_add_string(&parser->out, argument, parser->bpftrace);
    text_addf(&parser->out, " %s ", signs[comparison]);
    add_literal(&parser->out, &value->text);
    text_add(&parser->out, ")");
    return true;
}

bool trace_compare(struct parser *parser, const struct trace_argument *argument,
                   enum comparison comparison, const struct value *value)
{
    switch (value->kind) {
    case VALUE_TEXT:
        return compare_text(parser, argument, comparison, value);
    case VALUE_ARGUMENT:
        return filter_fail(parser, value->at,
                           "an argument can be compared with a number or a \"text\", "
                           "not with another argument");
    case VALUE_NULL:
        if (argument->kind != TRACE_STRING && argument->kind != TRACE_POINTER)
            return filter_fail(parser, value->at, "%s is not an address", argument->name);
        break;
    case VALUE_TRUTH:
        if (argument->kind != TRACE_BOOL)
            return filter_fail(parser, value->at, "%s is not a bool", argument->name);
        break;
    case VALUE_NUMBER:
        if (argument->kind == TRACE_STRING)
            return filter_fail(parser, value->at,
                               "%s is a string: compare it with a \"text\", or null",
                               argument->name);
    }
    if (argument->kind == TRACE_FLOAT || argument->kind == TRACE_DOUBLE)
        return compare_float(parser, argument, comparison, value->number);
    return compare_whole(parser, argument, comparison, value);
}
