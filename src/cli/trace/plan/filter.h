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
#ifndef CLI_TRACE_PLAN_FILTER_H
#define CLI_TRACE_PLAN_FILTER_H

#include "cli/base/text.h"
#include "cli/trace/plan/plan.h"

__extension__ typedef __int128 wide;

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

enum filter_kind { FILTER_ALL, FILTER_ANY, FILTER_COMPARISON };

struct filter {
    enum filter_kind kind;
    bool negated;
    struct filter *parts;
    size_t part_count;
    struct filter_word left, right;
    enum comparison comparison; /* NO_COMPARISON: only `left`, which must not be 0 */
    /* If the comparison decides nothing: why, and for how many variants, until filter_say_notes()
     */
    char *note;
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
const struct filter_word *filter_missing(const struct filter *filter,
                                         const struct plan_probe *probe);

/* Gives an error, or a condition for condition_free(). */
struct filter_error filter_bind(struct filter *filter, const struct plan *plan,
                                const struct plan_variant *variant, struct condition **ret);

/* Report the notes that as many variants need as were bound, and remove all. */
void filter_say_notes(struct filter *filter, size_t variants);

#endif
