/* SPDX-License-Identifier: MIT */
/*
 * --filter. filter.c parses it once into a tree, which knows no probe yet; bind.c makes a condition
 * of it for each variant of a probe.
 *
 *     either     = all { "||" all }
 *     all        = one { "&&" one }
 *     one        = "!" one | "(" either ")" | comparison
 *     comparison = value [ operator value ]         operator: < <= > >= == != (and = for ==)
 *     value      = argument | number | "text" | 'text' | true | false | null
 */
#ifndef CLI_TRACE_FILTER_H
#define CLI_TRACE_FILTER_H

#include "cli/base/text.h"
#include "cli/trace/plan/plan.h"

#define FILTER_MOST_DEPTH 50 /* of brackets and ! */

enum comparison { LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, UNEQUAL, NO_COMPARISON };
enum word_kind { WORD_NAME, WORD_NUMBER, WORD_TEXT };
enum constant { CONSTANT_NONE, CONSTANT_BOOL, CONSTANT_NULL };

struct filter_word {
    enum word_kind kind;
    size_t at;              /* in the filter's text */
    struct text text;       /* the name or the text */
    enum constant constant; /* what the name is if no argument has it: true, false or null */
    bool is_whole;          /* `whole` has the number exactly */
    wide whole;
    double number;
};

struct filter {
    enum { FILTER_ALL, FILTER_ANY, FILTER_COMPARISON } kind;
    bool negated;
    struct filter *parts;
    size_t part_count;
    struct filter_word words[2];
    enum comparison comparison; /* NO_COMPARISON: only the first word, which must not be 0 */
    char *note;                 /* why the comparison decides nothing, and for how many variants */
    size_t noted;
};

struct filter_error {
    char *words; /* free() them; NULL: there is no error */
    size_t at;   /* position in the text */
};

/* Keep the first reason why a filter is wrong. Gives false. */
bool filter_fail(struct filter_error *error, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Gives an error, or a tree for filter_free(). */
struct filter_error filter_parse(const char *text, struct filter *ret);
void filter_free(struct filter *filter);

/* The first name that the probe has no argument for, or NULL. */
const char *filter_missing(const struct filter *filter, const struct plan_probe *probe);

/*
 * A filter for one variant, in the form that the emitter needs: each comparison is whether a key is
 * in a range, or whether a string is a text. If its argument can't be read, it does not hold,
 * negated or not.
 *
 * The key of an integer is its value in 64 bits, compared with its sign or without. The key of a
 * float or double is a signed number in the order of the values: the bits, or for a negative value
 * minus the bits without the sign; so -0 is 0, and a NaN is beyond both infinities.
 */
#define CONDITION_MOST_DEPTH 102 /* each bracket of 50 may have an "or" of "and"s */

struct condition {
    enum { CONDITION_ALL, CONDITION_ANY, CONDITION_RANGE, CONDITION_TEXT } kind;
    struct condition *parts; /* of ALL, ANY */
    size_t part_count;
    size_t argument;    /* of a comparison: its index */
    bool negated;       /* it holds outside the range, or if the text differs */
    bool empty;         /* no key is in the range */
    uint64_t low, high; /* both are in it; signed or not, as the value is; a float's are signed */
    char *text;         /* without a NUL inside */
    size_t text_size;
};

/* Gives an error, or a condition for condition_free(). */
struct filter_error filter_bind(struct filter *filter, const struct plan *plan,
                                const struct plan_variant *variant, struct condition **ret);

/* Report the notes that as many variants need as were bound, and remove all. */
void filter_say_notes(struct filter *filter, size_t variants);

/* It and all its parts; NULL is allowed. */
void condition_free(struct condition *condition);

#endif
