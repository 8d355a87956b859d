/* SPDX-License-Identifier: MIT */
/*
 * What the user's words mean: what to search, globs, and "did you mean" for a word that matches
 * nothing.
 */
#ifndef CLI_NEAR_H
#define CLI_NEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cli/base/command.h"

/* PROVIDER:PROBE, each side a pattern of glob(7); an empty side means "*". */
struct glob {
    const char *text;
    char *provider, *probe;
    size_t matches; /* for callers that count them */
};

/* Whether a word of the command line is a glob, not a path: it has a colon and no slash. */
bool glob_is(const char *word);

/* `text` must have a colon, and live as long as `ret`. */
void glob_make(const char *text, struct glob *ret);
void glob_free(struct glob *glob);
bool glob_matches(const struct glob *glob, const char *provider, const char *probe);

/* Where to search: in processes, in files, or, if none is named, in every process. */
struct search {
    pid_t *pids;
    size_t pid_count;
    const char **files;
    size_t file_count;
    struct glob *globs; /* none: every probe */
    size_t glob_count;
};

/*
 * From the words of a command line to a search. Reports a word that is not a process id, and gives
 * STATUS_USAGE. The other words, globs and files, must live as long as the search.
 */
enum status search_add_pid(struct search *search, const char *command, const char *word);
void search_add_word(struct search *search, const char *word);
void search_free(struct search *search);

#define NEAR_WORDS 3
#define NEAR_LENGTH 128 /* longer names are not compared */

struct near {
    char wanted[NEAR_LENGTH];
    char words[NEAR_WORDS][NEAR_LENGTH]; /* the nearest first, without duplicates */
    size_t distances[NEAR_WORDS];
    size_t count;
};

/* Start with a word or a glob; the "*" in a glob are ignored. */
void near_start(struct near *near, const char *wanted);
void near_offer(struct near *near, const char *word);

#endif
