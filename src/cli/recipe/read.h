/* SPDX-License-Identifier: MIT */
/*
 * A recipe's file: a comment, whose first line is the question that the recipe answers, and then
 * the arguments of `rst trace` that answer it.
 *
 *     # Which lines of the application cause slow queries?
 *     # Needs rails:sql, of the gem ruby-static-tracing.
 *     rails:sql --hist nanoseconds --by caller --filter 'nanoseconds >= ${threshold=10ms}'
 *
 * Blanks and newlines separate arguments, except within '...' or "...". A "#" where an argument
 * could begin starts a comment. ${threshold=10ms} is a setting with its default, ${probe} one that
 * must be given. If the default is a time, the value must be one, too, and becomes nanoseconds.
 */
#ifndef CLI_RECIPE_READ_H
#define CLI_RECIPE_READ_H

#include "cli/base/command.h"

#define RECIPE_MOST_BYTES 16384
#define RECIPE_MOST_SETTINGS 64

struct recipe {
    char bytes[RECIPE_MOST_BYTES + 1]; /* the file */
    char **words;
    size_t word_count;
};

/* Whether a word of the command line is "NAME=VALUE", with a name that a setting can have. */
bool is_setting(const char *word);

/*
 * Read a recipe, and report what is wrong with it or with the settings, of which there must be none
 * that it doesn't have. Without `settings`, all are empty. Free `ret` in any case.
 */
enum status recipe_read(const char *path, char **settings, size_t setting_count,
                        struct recipe *ret);
void recipe_free(struct recipe *recipe);

#endif
