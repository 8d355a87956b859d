/* SPDX-License-Identifier: MIT */
/*
 * --filter: one comparison of an argument with a constant, as bpftrace evaluates it.
 *
 * What bpftrace makes of signs, widths and large constants differs with its versions, so that it is
 * asked for one thing alone: how one int64 compares with another. Each argument is brought to such
 * a key that has its order (see trace_add_key()), and a constant that the type can't have decides
 * here. bpftrace knows no floating point, but the bits of floats that are less than a number are at
 * most two ranges of integers.
 */
#include <math.h>
#include <string.h>

#include "cli/trace/filter.h"

/* -------------------------------------------------------------------------- numbers -- */

static bool decide(struct parser *parser, bool truth)
{
    text_add(&parser->out, truth ? "(1 == 1)" : "(1 == 0)");
    return true;
}

/* A number that the type does not have. It is no mistake where several probes are meant, but said.
 */
static bool decide_beyond(struct parser *parser, const struct trace_argument *argument, bool truth)
{
    say("--filter: %s of %s:%s is %s, which what it is compared with is beyond: that is %s true",
        argument->name, parser->probe->provider, parser->probe->name, argument->site.type,
        truth ? "always" : "never");
    return decide(parser, truth);
}

static const char *const signs[] = {"<", "<=", ">", ">=", "==", "!="};

/* The key that a number of the argument's type has. */
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
        return decide_beyond(parser, argument,
                             comparison == GREATER || comparison == GREATER_EQUAL ||
                                 comparison == UNEQUAL);
    if (number > most)
        return decide_beyond(parser, argument,
                             comparison == LESS || comparison == LESS_EQUAL ||
                                 comparison == UNEQUAL);
    add_comparison(parser, argument, comparison, number);
    return true;
}

/* ----------------------------------------------------------------- floating point -- */

/*
 * Bits in the order of the numbers that they are: a rank of 0 is the NaN farthest below. The sign's
 * bit is `top`.
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

/* The first rank in [low, high) whose number is not below (`or_equal`: nor equal) the limit. */
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

/* Bits from `low` to `high`, both included. */
static void add_range(struct parser *parser, const struct trace_argument *argument, uint64_t low,
                      uint64_t high)
{
    text_add(&parser->out, "(");
    add_comparison(parser, argument, GREATER_EQUAL, low);
    text_add(&parser->out, " && ");
    add_comparison(parser, argument, LESS_EQUAL, high);
    text_add(&parser->out, ")");
}

/* Ranks from `first` to before `end`: those below zero and those above are a range of bits each. */
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
    uint64_t first = top - 1 - infinity, end = top + infinity + 1; /* no NaN is in between */
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
    if (comparison == UNEQUAL) /* which a NaN is */
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
        return filter_fail(parser, value->at, "%s is no string (--string %s makes it one)",
                           argument->name, argument->name);
    if (comparison < EQUAL)
        return filter_fail(parser, value->at, "a string can be compared by == and != alone");
    if (value->text.size >= parser->bpftrace->string_room)
        return filter_fail(parser, value->at,
                           "this has %zu bytes, and bpftrace reads %zu of a string",
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
            return filter_fail(parser, value->at, "%s is no address", argument->name);
        break;
    case VALUE_TRUTH:
        if (argument->kind != TRACE_BOOL)
            return filter_fail(parser, value->at, "%s is no bool", argument->name);
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
