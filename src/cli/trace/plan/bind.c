/* SPDX-License-Identifier: MIT */
/*
 * --filter for a variant: names become arguments, and each comparison becomes ranges of the
 * argument's keys (condition.h). A number that the argument's type can't have is reported.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/trace/plan/choose.h"
#include "cli/trace/plan/filter.h"
#include "error.h"

struct binder {
    const struct plan *plan;
    const struct plan_probe *probe;
    const struct plan_variant *variant;
    struct filter_notes *notes;
    struct filter_error error;
};

__attribute__((format(printf, 3, 4))) static bool fail(struct binder *binder, size_t at,
                                                       const char *format, ...)
{
    va_list args;

    va_start(args, format);
    sure(vasprintf(&binder->error.words, format, args) < 0 ? NULL : binder);
    va_end(args);
    binder->error.at = at;
    return false;
}

/* Keep words about the comparison at a position of the text; takes them over. */
static void note(struct binder *binder, size_t at, char *words)
{
    struct filter_notes *notes = binder->notes;

    for (size_t i = 0; i < notes->count; i++)
        if (notes->list[i].at == at) {
            notes->list[i].times += strcmp(notes->list[i].words, words) == 0;
            free(words);
            return;
        }
    notes->list = room_for_one(notes->list, notes->count, sizeof(*notes->list));
    notes->list[notes->count++] = (struct filter_note){at, 1, words};
}

void filter_notes_free(struct filter_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++)
        free(notes->list[i].words);
    free(notes->list);
    *notes = (struct filter_notes){0};
}

/* ------------------------------------------------------------------------------ names -- */

enum constant { CONSTANT_NONE, CONSTANT_FALSE, CONSTANT_TRUE, CONSTANT_NULL };

static enum constant constant_named(const char *name, size_t length)
{
    static const struct {
        const char *word;
        enum constant constant;
    } words[] = {{"true", CONSTANT_TRUE},
                 {"false", CONSTANT_FALSE},
                 {"null", CONSTANT_NULL},
                 {"NULL", CONSTANT_NULL}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i].word) == length && memcmp(words[i].word, name, length) == 0)
            return words[i].constant;
    return CONSTANT_NONE;
}

const struct filter_word *filter_missing(const struct filter *filter, const char *text,
                                         const struct plan_probe *probe)
{
    const struct filter_word *const words[] = {&filter->left, &filter->right}, *missing = NULL;

    for (size_t i = 0; !missing && i < filter->part_count; i++)
        missing = filter_missing(&filter->parts[i], text, probe);
    for (size_t i = 0; !missing && i < 2 && filter->kind == FILTER_COMPARISON; i++)
        if (words[i]->kind == WORD_NAME &&
            plan_argument_named(probe, text + words[i]->at, words[i]->length) < 0 &&
            !constant_named(text + words[i]->at, words[i]->length))
            missing = words[i];
    return missing;
}

/* A word of a comparison: an argument, or a value with its kind. */
struct value {
    const struct filter_word *word;
    ssize_t argument; /* -1: a value */
    enum constant constant;
    bool is_whole;
    wide whole;
    double number;
};

static struct value value_of(const struct binder *binder, const struct filter_word *word)
{
    const char *name = binder->plan->options->filter + word->at;
    struct value value = {word, -1, CONSTANT_NONE, word->is_whole, word->whole, word->number};

    if (word->kind != WORD_NAME)
        return value;
    value.argument = plan_argument_named(binder->probe, name, word->length);
    value.constant = constant_named(name, word->length);
    value.is_whole = true;
    value.whole = value.constant == CONSTANT_TRUE;
    value.number = (double)value.whole;
    return value;
}

/* ---------------------------------------------------------------------------- integers -- */

static void add_wide(struct text *ret, wide number)
{
    if (number < 0)
        text_addf(ret, "%lld", (long long)number);
    else
        text_addf(ret, "%llu", (unsigned long long)number);
}

/* It need not be a mistake, if several probes are watched, so it is only reported. */
static void note_range(struct binder *binder, const struct plan_argument *argument,
                       const struct value *value, wide least, wide most, bool truth)
{
    struct text words = {0};
    char digits[DOUBLE_TEXT];

    text_addf(&words, "%s of %s is %s: ", argument->name, binder->probe->title,
              argument->site.type);
    if (value->is_whole)
        add_wide(&words, value->whole);
    else
        text_add(&words, double_text(value->number, digits));
    text_add(&words, " is out of range (");
    add_wide(&words, least);
    text_add(&words, " to ");
    add_wide(&words, most);
    text_addf(&words, "), so that is %s true", truth ? "always" : "never");
    note(binder, value->word->at, words.bytes);
}

static bool is_below(enum comparison comparison)
{
    return comparison == LESS || comparison == LESS_EQUAL;
}

/* Keep the keys from `low` to `high`, of those from `least` to `most`. */
static void put_range(struct condition *ret, wide low, wide high, wide least, wide most)
{
    low = low < least ? least : low;
    high = high > most ? most : high;
    ret->range_count = low <= high;
    ret->ranges[0] = (struct condition_range){(uint64_t)low, (uint64_t)high};
}

static void compare_whole(struct binder *binder, size_t i, enum comparison comparison,
                          const struct value *value, struct condition *ret)
{
    const struct plan_value *type = &binder->variant->values[i];
    unsigned bits = type->size ? 8U * type->size : 64;
    wide least = type->is_signed ? -((wide)1 << (bits - 1)) : 0, number = value->whole;
    wide most = ((wide)1 << (type->is_signed ? bits - 1 : bits)) - 1;

    if (!value->is_whole && comparison >= EQUAL)
        return; /* no whole number is equal to it */
    if (!value->is_whole && fabs(value->number) < 0x1p100) {
        /* x < 1.5 is x <= 1, and x > 1.5 is x > 1 */
        number = (wide)floor(value->number);
        comparison = is_below(comparison) ? LESS_EQUAL : GREATER;
    } else if (!value->is_whole) {
        number = value->number < 0 ? least - 1 : most + 1;
    }
    if (number < least || number > most)
        note_range(binder, &binder->probe->arguments[i], value, least, most,
                   comparison == UNEQUAL ||
                       (comparison != EQUAL && is_below(comparison) == (number > most)));
    put_range(ret, is_below(comparison) ? least : number + (comparison == GREATER),
              comparison >= EQUAL    ? number
              : is_below(comparison) ? number - (comparison == LESS)
                                     : most,
              least, most);
}

/* ---------------------------------------------------------------------- floating point -- */

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

static void compare_float(bool is_double, enum comparison comparison, double limit,
                          struct condition *ret)
{
    wide most =
        is_double ? INT64_C(0x7ff0000000000000) : 0x7f800000; /* infinity; NaNs are beyond */
    wide equal = first_above(-most, most + 1, is_double, limit, false);
    wide above = first_above(equal, most + 1, is_double, limit, true);

    put_range(ret,
              is_below(comparison)    ? -most
              : comparison == GREATER ? above
                                      : equal,
              comparison == LESS                                ? equal - 1
              : comparison <= LESS_EQUAL || comparison >= EQUAL ? above - 1
                                                                : most,
              -most, most);
}

/* ------------------------------------------------------------------------- comparisons -- */

static bool compare_text(struct binder *binder, size_t i, enum comparison comparison,
                         const struct value *value, struct condition *ret)
{
    const struct text *text = &value->word->text;
    const char *name = binder->probe->arguments[i].name;
    size_t most = binder->plan->options->string_bytes;

    if (binder->variant->values[i].kind != VALUE_STRING)
        return fail(binder, value->word->at, "%s is not a string (--string %s makes it one)", name,
                    name);
    if (comparison < EQUAL)
        return fail(binder, value->word->at, "a string can only be compared by == and !=");
    if (text->size > most)
        return fail(binder, value->word->at,
                    "this text has %zu bytes, but rst reads only %zu of a string%s", text->size,
                    most, text->size <= TRACE_MOST_STRING_BYTES ? " (--string-bytes)" : "");
    ret->kind = CONDITION_TEXT;
    ret->text = sure(strndup(text->bytes, text->size));
    ret->text_size = text->size;
    return true;
}

/* Whether the value is of a kind that the argument can be compared with. */
static bool check_kinds(struct binder *binder, size_t i, const struct value *value)
{
    enum value_kind kind = binder->variant->values[i].kind;
    const char *name = binder->probe->arguments[i].name;
    size_t at = value->word->at;

    if (value->argument >= 0)
        return fail(binder, at,
                    "an argument can be compared with a number or a \"text\", "
                    "not with another argument");
    if (value->constant == CONSTANT_NULL)
        return kind == VALUE_STRING || kind == VALUE_POINTER ||
               fail(binder, at, "%s is not an address", name);
    if (value->constant)
        return kind == VALUE_BOOL || fail(binder, at, "%s is not a bool", name);
    return kind != VALUE_STRING ||
           fail(binder, at, "%s is a string: compare it with a \"text\", or null", name);
}

static bool compare(struct binder *binder, size_t i, enum comparison comparison,
                    const struct value *value, struct condition *ret)
{
    const struct plan_value *type = &binder->variant->values[i];
    struct text words = {0};

    ret->kind = CONDITION_RANGE;
    ret->argument = i;
    ret->negated = ret->negated != (comparison == UNEQUAL);
    if (type->size == 0) {
        text_addf(&words, "rst can't read %s of %s, so no comparison with it is true",
                  binder->probe->arguments[i].name, binder->probe->title);
        note(binder, value->word->at, words.bytes);
    }
    if (value->word->kind == WORD_TEXT)
        return compare_text(binder, i, comparison, value, ret);
    if (!check_kinds(binder, i, value))
        return false;
    if (type->kind == VALUE_FLOAT || type->kind == VALUE_DOUBLE)
        compare_float(type->kind == VALUE_DOUBLE, comparison, value->number, ret);
    else
        compare_whole(binder, i, comparison, value, ret);
    return true;
}

static bool bind_comparison(struct binder *binder, const struct filter *filter,
                            struct condition *ret)
{
    static const enum comparison turned[] = {GREATER,    GREATER_EQUAL, LESS,
                                             LESS_EQUAL, EQUAL,         UNEQUAL};
    struct value left = value_of(binder, &filter->left), right = value_of(binder, &filter->right);

    if (filter->comparison == NO_COMPARISON) {
        if (left.argument < 0 || binder->variant->values[left.argument].kind == VALUE_STRING)
            return fail(binder, filter->right.at, "write one of < <= > >= == != here");
        return compare(binder, (size_t)left.argument, UNEQUAL, &right, ret);
    }
    if (left.argument >= 0)
        return compare(binder, (size_t)left.argument, filter->comparison, &right, ret);
    if (right.argument >= 0)
        return compare(binder, (size_t)right.argument, turned[filter->comparison], &left, ret);
    return fail(binder, left.word->at, "this comparison has no argument");
}

/* A "not" goes down to the comparisons, which do not hold if an argument can't be read. */
static bool bind(struct binder *binder, const struct filter *filter, bool negated,
                 struct condition *ret)
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

struct filter_error filter_bind(const struct filter *filter, const struct plan *plan,
                                const struct plan_variant *variant, struct filter_notes *notes,
                                struct condition **ret)
{
    const struct plan_probe *probe = &plan->probes[variant->probe];
    struct binder binder = {plan, probe, variant, notes, {0}};
    const struct filter_word *missing = filter_missing(filter, plan->options->filter, probe);
    struct condition *condition = sure(calloc(1, sizeof(*condition)));
    struct text known = {0};

    if (missing) {
        plan_add_names(&known, probe);
        fail(&binder, missing->at, "%s has no %s", probe->title, known.bytes);
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
