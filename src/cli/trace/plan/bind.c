/* SPDX-License-Identifier: MIT */
/*
 * --filter for a variant: names become arguments, and each comparison becomes a range of the
 * argument's keys. A number that the argument's type can't have is reported.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/trace/plan/filter.h"

struct binder {
    const struct plan *plan;
    const struct plan_probe *probe;
    const struct plan_variant *variant;
    struct filter_error error;
    /* The comparison, with the argument on the left. */
    struct filter *filter;
    const struct plan_argument *argument;
    const struct plan_value *value;
    enum comparison comparison;
    const struct filter_word *word;
};

ssize_t plan_argument_named(const struct plan_probe *probe, const char *name)
{
    char other[32];

    for (size_t i = 0; i < probe->argument_count; i++) {
        snprintf(other, sizeof(other), "arg%zu", i);
        if (strcmp(name, probe->arguments[i].name) == 0 || strcmp(name, other) == 0)
            return (ssize_t)i;
    }
    return -1;
}

void plan_add_names(struct text *ret, const struct plan_probe *probe)
{
    text_add(ret, probe->argument_count ? "such argument, only " : "arguments");
    for (size_t i = 0; i < probe->argument_count; i++)
        text_addf(ret, "%s%s", i ? ", " : "", probe->arguments[i].name);
}

/* Keep words about a comparison; takes them over. */
static void note(struct filter *comparison, char *words)
{
    if (!comparison->note) {
        comparison->note = words;
        comparison->noted = 1;
        return;
    }
    comparison->noted += strcmp(comparison->note, words) == 0;
    free(words);
}

void filter_say_notes(struct filter *filter, size_t variants)
{
    for (size_t i = 0; i < filter->part_count; i++)
        filter_say_notes(&filter->parts[i], variants);
    if (filter->note && filter->noted == variants)
        say("--filter: %s", filter->note);
    free(filter->note);
    filter->note = NULL;
}

const char *filter_missing(const struct filter *filter, const struct plan_probe *probe)
{
    const char *missing = NULL;

    for (size_t i = 0; !missing && i < filter->part_count; i++)
        missing = filter_missing(&filter->parts[i], probe);
    for (size_t i = 0; !missing && i < 2 && filter->kind == FILTER_COMPARISON; i++) {
        const struct filter_word *word = &filter->words[i];

        if (word->kind == WORD_NAME && !word->constant &&
            plan_argument_named(probe, word->text.bytes) < 0)
            missing = word->text.bytes;
    }
    return missing;
}

/*
 * A range of keys. If it is of those that are equal to a number, and none is, the keys below the
 * number end at `high`, and those above it begin at `low`.
 */
struct keys {
    wide low, high;
};

static wide float_key(double number, bool is_double)
{
    double whole = fabs(number);
    float half = (float)whole;
    uint64_t bits;
    uint32_t half_bits;

    memcpy(&bits, &whole, sizeof(bits));
    memcpy(&half_bits, &half, sizeof(half_bits));
    bits = is_double ? bits : half_bits;
    return number < 0 ? -(wide)bits : (wide)bits;
}

/* All keys of a type; NaNs are beyond infinity. */
static struct keys all_keys(const struct plan_value *value)
{
    wide half = (wide)1 << (value->size ? 8 * value->size - 1 : 63);
    wide infinity = float_key((double)INFINITY, value->kind == VALUE_DOUBLE);

    if (value_is_float(value))
        return (struct keys){-infinity, infinity};
    return value->is_signed ? (struct keys){-half, half - 1} : (struct keys){0, 2 * half - 1};
}

static struct keys equal_keys(const struct plan_value *value, const struct filter_word *word)
{
    double number = word->number;

    if (value_is_float(value)) {
        double nearest = value->kind == VALUE_DOUBLE ? number : (double)(float)number;
        wide key = float_key(nearest, value->kind == VALUE_DOUBLE);

        return (struct keys){key + (nearest < number), key - (nearest > number)};
    }
    if (word->is_whole)
        return (struct keys){word->whole, word->whole};
    if (fabs(number) > 0x1p100) /* beyond every key */
        number = copysign(0x1p100, number);
    return (struct keys){(wide)ceil(number), (wide)floor(number)};
}

static const char *whole_text(wide number, char ret[DOUBLE_TEXT])
{
    snprintf(ret, DOUBLE_TEXT, number < 0 ? "%lld" : "%llu", (unsigned long long)number);
    return ret;
}

static void compare_number(struct binder *binder, struct condition *ret)
{
    const struct filter_word *word = binder->word;
    struct keys all = all_keys(binder->value), equal = equal_keys(binder->value, word);
    const struct keys ranges[] = {
        [LESS] = {all.low, equal.low - 1},
        [LESS_EQUAL] = {all.low, equal.high},
        [GREATER] = {equal.high + 1, all.high},
        [GREATER_EQUAL] = {equal.low, all.high},
        [EQUAL] = equal,
        [UNEQUAL] = equal,
    };
    struct keys range = ranges[binder->comparison];
    char number[DOUBLE_TEXT], low[DOUBLE_TEXT], high[DOUBLE_TEXT];

    range.low = range.low < all.low ? all.low : range.low;
    range.high = range.high > all.high ? all.high : range.high;
    ret->empty = range.low > range.high;
    ret->low = (uint64_t)range.low;
    ret->high = (uint64_t)range.high;
    if (value_is_float(binder->value) || (equal.high >= all.low && equal.low <= all.high))
        return;
    /* It need not be a mistake, if several probes are watched, so it is only reported. */
    note(binder->filter,
         text_format("%s of %s is %s: %s is out of range (%s to %s), so that is %s true",
                     binder->argument->name, binder->probe->title, binder->argument->site.type,
                     word->is_whole ? whole_text(word->whole, number)
                                    : double_text(word->number, number),
                     whole_text(all.low, low), whole_text(all.high, high),
                     ret->empty == (binder->comparison == UNEQUAL) ? "always" : "never"));
}

static bool compare_text(struct binder *binder, struct condition *ret)
{
    const struct text *text = &binder->word->text;
    const char *name = binder->argument->name;
    size_t most = binder->plan->options->string_bytes, at = binder->word->at;

    if (binder->value->kind != VALUE_STRING)
        return filter_fail(&binder->error, at, "%s is not a string (--string %s makes it one)",
                           name, name);
    if (binder->comparison < EQUAL)
        return filter_fail(&binder->error, at, "a string can only be compared by == and !=");
    if (text->size > most)
        return filter_fail(
            &binder->error, at, "this text has %zu bytes, but rst reads only %zu of a string%s",
            text->size, most, text->size <= TRACE_MOST_STRING_BYTES ? " (--string-bytes)" : "");
    ret->kind = CONDITION_TEXT;
    ret->text = sure(strndup(text->bytes, text->size));
    ret->text_size = text->size;
    return true;
}

static bool compare(struct binder *binder, struct condition *ret)
{
    enum value_kind kind = binder->value->kind;
    enum constant constant = binder->word->constant;
    const char *words = NULL; /* why such an argument can't be compared with such a word */

    ret->kind = CONDITION_RANGE;
    ret->negated = ret->negated != (binder->comparison == UNEQUAL);
    if (binder->value->size == 0)
        note(binder->filter,
             text_format("rst can't read %s of %s, so no comparison with it is true",
                         binder->argument->name, binder->probe->title));
    if (binder->word->kind == WORD_TEXT)
        return compare_text(binder, ret);
    if (constant == CONSTANT_NULL && kind != VALUE_STRING && kind != VALUE_POINTER)
        words = "not an address";
    else if (constant == CONSTANT_BOOL && kind != VALUE_BOOL)
        words = "not a bool";
    else if (!constant && kind == VALUE_STRING)
        words = "a string: compare it with a \"text\", or null";
    if (words)
        return filter_fail(&binder->error, binder->word->at, "%s is %s", binder->argument->name,
                           words);
    compare_number(binder, ret);
    return true;
}

/* Find the argument that a word names; -1: it is a value. */
static bool find_argument(struct binder *binder, const struct filter_word *word, ssize_t *ret)
{
    struct text known = {0};

    *ret = word->kind == WORD_NAME ? plan_argument_named(binder->probe, word->text.bytes) : -1;
    if (*ret >= 0 || word->kind != WORD_NAME || word->constant)
        return true;
    plan_add_names(&known, binder->probe);
    filter_fail(&binder->error, word->at, "%s has no %s", binder->probe->title, known.bytes);
    free(known.bytes);
    return false;
}

static bool bind_comparison(struct binder *binder, struct filter *filter, struct condition *ret)
{
    static const enum comparison turned[] = {GREATER,    GREATER_EQUAL, LESS,
                                             LESS_EQUAL, EQUAL,         UNEQUAL};
    const struct filter_word *words = filter->words;
    bool turn, alone = filter->comparison == NO_COMPARISON;
    ssize_t left, right;

    if (!find_argument(binder, &words[0], &left) || !find_argument(binder, &words[1], &right))
        return false;
    turn = left < 0;
    if (alone && (turn || binder->variant->values[left].kind == VALUE_STRING))
        return filter_fail(&binder->error, words[1].at, "write one of < <= > >= == != here");
    if (turn && right < 0)
        return filter_fail(&binder->error, words[0].at, "this comparison has no argument");
    if (!turn && right >= 0)
        return filter_fail(&binder->error, words[1].at,
                           "an argument can be compared with a number or a \"text\", "
                           "not with another argument");
    ret->argument = (size_t)(turn ? right : left);
    binder->filter = filter;
    binder->argument = &binder->probe->arguments[ret->argument];
    binder->value = &binder->variant->values[ret->argument];
    binder->comparison = turn ? turned[filter->comparison] : alone ? UNEQUAL : filter->comparison;
    binder->word = &words[!turn];
    return compare(binder, ret);
}

/* A "not" goes down to the comparisons, which do not hold if an argument can't be read. */
static bool bind(struct binder *binder, struct filter *filter, bool negated, struct condition *ret)
{
    negated = negated != filter->negated;
    ret->negated = negated;
    if (filter->kind == FILTER_COMPARISON)
        return bind_comparison(binder, filter, ret);
    ret->kind = (filter->kind == FILTER_ALL) != negated ? CONDITION_ALL : CONDITION_ANY;
    ret->negated = false;
    ret->parts = sure(calloc(filter->part_count, sizeof(*ret->parts)));
    ret->part_count = filter->part_count;
    for (size_t i = 0; i < filter->part_count; i++)
        if (!bind(binder, &filter->parts[i], negated, &ret->parts[i]))
            return false;
    return true;
}

static void free_parts(struct condition *condition)
{
    for (size_t i = 0; i < condition->part_count; i++)
        free_parts(&condition->parts[i]);
    free(condition->parts);
    free(condition->text);
}

void condition_free(struct condition *condition)
{
    if (condition)
        free_parts(condition);
    free(condition);
}

struct filter_error filter_bind(struct filter *filter, const struct plan *plan,
                                const struct plan_variant *variant, struct condition **ret)
{
    struct binder binder = {plan, &plan->probes[variant->probe], variant, .filter = filter};
    struct condition *condition = sure(calloc(1, sizeof(*condition)));

    if (bind(&binder, filter, false, condition))
        *ret = condition;
    else
        condition_free(condition);
    return binder.error;
}
