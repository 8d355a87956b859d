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

enum word_kind { WORD_NAME /* of an argument; or true, false, null */, WORD_NUMBER, WORD_TEXT };

struct filter_word {
    enum word_kind kind;
    size_t at, length; /* in the filter's text */
    bool is_whole;     /* `whole` has the number exactly */
    wide whole;
    double number;
    struct text text;
};

enum filter_kind { FILTER_ALL, FILTER_ANY, FILTER_NOT, FILTER_COMPARISON };

struct filter {
    enum filter_kind kind;
    struct filter *parts; /* of FILTER_NOT: one */
    size_t part_count;
    struct filter_word left, right;
    enum comparison comparison; /* NO_COMPARISON: only `left`, which must not be 0 */
};

struct filter_error {
    char *words; /* free() them; NULL: there is no error */
    size_t at;   /* position in the text */
};

/* Gives an error, or a tree for filter_free(). */
struct filter_error filter_parse(const char *text, struct filter *ret);
void filter_free(struct filter *filter);

/* The first name that the probe has no argument for, or NULL. */
const struct filter_word *filter_missing(const struct filter *filter, const char *text,
                                         const struct plan_probe *probe);

/* A comparison that decides nothing: what to tell the user, unless other variants need it. */
struct filter_note {
    size_t at, times; /* times: for how many variants */
    char *words;
};

struct filter_notes {
    struct filter_note *list;
    size_t count;
};

void filter_notes_free(struct filter_notes *notes);

/* Gives an error, or a condition for condition_free(). */
struct filter_error filter_bind(const struct filter *filter, const struct plan *plan,
                                const struct plan_variant *variant, struct filter_notes *notes,
                                struct condition **ret);

#endif
