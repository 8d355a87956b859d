/* SPDX-License-Identifier: MIT */
/*
 * --filter for a variant: names become arguments, and each comparison becomes ranges of the
 * argument's keys (condition.h). A number that the argument's type can't have is reported.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/trace/plan/choose.h"
#include "cli/trace/plan/filter.h"

struct binder {
    const struct plan *plan;
    const struct plan_probe *probe;
    const struct plan_variant *variant;
    struct filter_error error;
};

/* -------------------------------------------------------------------------------- notes -- */

/* Keep words about a comparison; takes them over. */
static void note(struct filter *comparison, char *words)
{
    if (comparison->note) {
        comparison->noted += strcmp(comparison->note, words) == 0;
        free(words);
        return;
    }
    comparison->note = words;
    comparison->noted = 1;
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

const struct filter_word *filter_missing(const struct filter *filter,
                                         const struct plan_probe *probe)
{
    const struct filter_word *const words[] = {&filter->left, &filter->right}, *missing = NULL;

    for (size_t i = 0; !missing && i < filter->part_count; i++)
        missing = filter_missing(&filter->parts[i], probe);
    for (size_t i = 0; !missing && i < 2 && filter->kind == FILTER_COMPARISON; i++)
        if (words[i]->kind == WORD_NAME && !words[i]->constant &&
            plan_argument_named(probe, words[i]->text.bytes) < 0)
            missing = words[i];
    return missing;
}

/* The argument that a word names; -1: none. */
static ssize_t named(const struct binder *binder, const struct filter_word *word)
{
    return word->kind == WORD_NAME ? plan_argument_named(binder->probe, word->text.bytes) : -1;
}

/* --------------------------------------------------------------------------------- keys -- */

/* A range of keys; empty if `low` is above `high`. */
struct keys {
    wide low, high;
};

/*
 * The keys of an integer that are equal to a number. If none is, those below the number end at
 * `high`, and those above it begin at `low`.
 */
static struct keys whole_keys(const struct filter_word *word, struct keys all)
{
    wide below;

    if (word->is_whole)
        return (struct keys){word->whole, word->whole};
    if (fabs(word->number) > 0x1p100)
        return word->number < 0 ? (struct keys){all.low, all.low - 1}
                                : (struct keys){all.high + 1, all.high};
    below = (wide)floor(word->number);
    return (struct keys){below + 1, below};
}

static double number_of_key(wide key, bool is_double)
{
    uint64_t bits = (uint64_t)(key < 0 ? -key : key);
    uint32_t narrow = (uint32_t)bits;
    double number;
    float single;

    memcpy(&number, &bits, sizeof(number));
    memcpy(&single, &narrow, sizeof(single));
    number = is_double ? number : (double)single;
    return key < 0 ? -number : number;
}

/* The first key in [low, high) whose number is at or above the limit; with `or_equal`, above it. */
static wide first_above(wide low, wide high, bool is_double, double limit, bool or_equal)
{
    while (low < high) {
        wide middle = low + (high - low) / 2;
        double number = number_of_key(middle, is_double);

        if (number < limit || (or_equal && number == limit))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The same of a float or double. */
static struct keys float_keys(bool is_double, double limit, struct keys all)
{
    wide low = first_above(all.low, all.high + 1, is_double, limit, false);

    return (struct keys){low, first_above(low, all.high + 1, is_double, limit, true) - 1};
}

/* All keys of a type; NaNs are beyond infinity. */
static struct keys all_keys(const struct plan_value *type)
{
    unsigned bits = type->size ? 8U * type->size : 64;
    wide half = (wide)1 << (bits - 1), infinity = INT64_C(0x7ff0000000000000);

    if (type->kind == VALUE_FLOAT)
        infinity = 0x7f800000;
    if (type->kind == VALUE_FLOAT || type->kind == VALUE_DOUBLE)
        return (struct keys){-infinity, infinity};
    return type->is_signed ? (struct keys){-half, half - 1} : (struct keys){0, 2 * half - 1};
}

/* ------------------------------------------------------------------------- comparisons -- */

static void add_wide(struct text *ret, wide number)
{
    text_addf(ret, number < 0 ? "%lld" : "%llu", (unsigned long long)number);
}

/* It need not be a mistake, if several probes are watched, so it is only reported. */
static void note_range(struct filter *comparison, const struct plan_probe *probe, size_t i,
                       const struct filter_word *word, struct keys all, bool truth)
{
    struct text words = {0};
    char digits[DOUBLE_TEXT];

    text_addf(&words, "%s of %s is %s: ", probe->arguments[i].name, probe->title,
              probe->arguments[i].site.type);
    if (word->is_whole)
        add_wide(&words, word->whole);
    else
        text_add(&words, double_text(word->number, digits));
    text_add(&words, " is out of range (");
    add_wide(&words, all.low);
    text_add(&words, " to ");
    add_wide(&words, all.high);
    text_addf(&words, "), so that is %s true", truth ? "always" : "never");
    note(comparison, words.bytes);
}

/* Make one range of a comparison with a number. */
static void compare_number(struct binder *binder, struct filter *filter, size_t i,
                           enum comparison comparison, const struct filter_word *word,
                           struct condition *ret)
{
    const struct plan_value *type = &binder->variant->values[i];
    bool is_float = type->kind == VALUE_FLOAT || type->kind == VALUE_DOUBLE;
    struct keys all = all_keys(type);
    struct keys equal = is_float ? float_keys(type->kind == VALUE_DOUBLE, word->number, all)
                                 : whole_keys(word, all);
    const struct keys ranges[] = {
        [LESS] = {all.low, equal.low - 1},
        [LESS_EQUAL] = {all.low, equal.high},
        [GREATER] = {equal.high + 1, all.high},
        [GREATER_EQUAL] = {equal.low, all.high},
        [EQUAL] = equal,
        [UNEQUAL] = equal,
    };
    struct keys range = ranges[comparison];

    range.low = range.low < all.low ? all.low : range.low;
    range.high = range.high > all.high ? all.high : range.high;
    ret->range_count = range.low <= range.high;
    ret->ranges[0] = (struct condition_range){(uint64_t)range.low, (uint64_t)range.high};
    if (!is_float && (equal.high < all.low || equal.low > all.high))
        note_range(filter, binder->probe, i, word, all,
                   (ret->range_count > 0) != (comparison == UNEQUAL));
}

static bool compare_text(struct binder *binder, size_t i, enum comparison comparison,
                         const struct filter_word *word, struct condition *ret)
{
    const struct text *text = &word->text;
    const char *name = binder->probe->arguments[i].name;
    size_t most = binder->plan->options->string_bytes;

    if (binder->variant->values[i].kind != VALUE_STRING)
        return filter_fail(&binder->error, word->at,
                           "%s is not a string (--string %s makes it one)", name, name);
    if (comparison < EQUAL)
        return filter_fail(&binder->error, word->at, "a string can only be compared by == and !=");
    if (text->size > most)
        return filter_fail(&binder->error, word->at,
                           "this text has %zu bytes, but rst reads only %zu of a string%s",
                           text->size, most,
                           text->size <= TRACE_MOST_STRING_BYTES ? " (--string-bytes)" : "");
    ret->kind = CONDITION_TEXT;
    ret->text = sure(strndup(text->bytes, text->size));
    ret->text_size = text->size;
    return true;
}

/* Whether the word is of a kind that the argument can be compared with. */
static bool check_kinds(struct binder *binder, size_t i, const struct filter_word *word)
{
    enum value_kind kind = binder->variant->values[i].kind;
    const char *name = binder->probe->arguments[i].name;
    struct filter_error *error = &binder->error;

    if (named(binder, word) >= 0)
        return filter_fail(error, word->at,
                           "an argument can be compared with a number or a \"text\", "
                           "not with another argument");
    if (word->constant == CONSTANT_NULL)
        return kind == VALUE_STRING || kind == VALUE_POINTER ||
               filter_fail(error, word->at, "%s is not an address", name);
    if (word->constant)
        return kind == VALUE_BOOL || filter_fail(error, word->at, "%s is not a bool", name);
    return kind != VALUE_STRING ||
           filter_fail(error, word->at, "%s is a string: compare it with a \"text\", or null",
                       name);
}

static bool compare(struct binder *binder, struct filter *filter, size_t i,
                    enum comparison comparison, const struct filter_word *word,
                    struct condition *ret)
{
    ret->kind = CONDITION_RANGE;
    ret->argument = i;
    ret->negated = ret->negated != (comparison == UNEQUAL);
    if (binder->variant->values[i].size == 0)
        note(filter, text_format("rst can't read %s of %s, so no comparison with it is true",
                                 binder->probe->arguments[i].name, binder->probe->title));
    if (word->kind == WORD_TEXT)
        return compare_text(binder, i, comparison, word, ret);
    if (!check_kinds(binder, i, word))
        return false;
    compare_number(binder, filter, i, comparison, word, ret);
    return true;
}

static bool bind_comparison(struct binder *binder, struct filter *filter, struct condition *ret)
{
    static const enum comparison turned[] = {GREATER,    GREATER_EQUAL, LESS,
                                             LESS_EQUAL, EQUAL,         UNEQUAL};
    ssize_t left = named(binder, &filter->left), right = named(binder, &filter->right);

    if (filter->comparison == NO_COMPARISON) {
        if (left < 0 || binder->variant->values[left].kind == VALUE_STRING)
            return filter_fail(&binder->error, filter->right.at,
                               "write one of < <= > >= == != here");
        return compare(binder, filter, (size_t)left, UNEQUAL, &filter->right, ret);
    }
    if (left >= 0)
        return compare(binder, filter, (size_t)left, filter->comparison, &filter->right, ret);
    if (right >= 0)
        return compare(binder, filter, (size_t)right, turned[filter->comparison], &filter->left,
                       ret);
    return filter_fail(&binder->error, filter->left.at, "this comparison has no argument");
}

/* A "not" goes down to the comparisons, which do not hold if an argument can't be read. */
static bool bind(struct binder *binder, struct filter *filter, bool negated, struct condition *ret)
{
    ret->negated = negated;
    if (filter->kind == FILTER_COMPARISON)
        return bind_comparison(binder, filter, ret);
    if (filter->kind == FILTER_NOT)
        return bind(binder, &filter->parts[0], !negated, ret);
    ret->kind = (filter->kind == FILTER_ALL) != negated ? CONDITION_ALL : CONDITION_ANY;
    ret->negated = false;
    ret->parts = sure(calloc(filter->part_count, sizeof(*ret->parts)));
    ret->part_count = filter->part_count;
    for (size_t i = 0; i < filter->part_count; i++)
        if (!bind(binder, &filter->parts[i], negated, &ret->parts[i]))
            return false;
    return true;
}

struct filter_error filter_bind(struct filter *filter, const struct plan *plan,
                                const struct plan_variant *variant, struct condition **ret)
{
    const struct plan_probe *probe = &plan->probes[variant->probe];
    struct binder binder = {plan, probe, variant, {0}};
    const struct filter_word *missing = filter_missing(filter, probe);
    struct condition *condition = sure(calloc(1, sizeof(*condition)));
    struct text known = {0};

    if (missing) {
        plan_add_names(&known, probe);
        filter_fail(&binder.error, missing->at, "%s has no %s", probe->title, known.bytes);
        free(known.bytes);
    } else if (bind(&binder, filter, false, condition)) {
        *ret = condition;
        return binder.error;
    }
    condition_free(condition);
    return binder.error;
}

/* ------------------------------------------------------------------------------- free -- */

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
