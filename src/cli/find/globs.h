/* SPDX-License-Identifier: MIT */
/*
 * Patterns for probes: PROVIDER:PROBE, each side a pattern of glob(7); an empty side means "*".
 */
#ifndef CLI_GLOBS_H
#define CLI_GLOBS_H

#include <stdbool.h>
#include <stddef.h>

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

#endif
