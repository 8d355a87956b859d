/* SPDX-License-Identifier: MIT */
/*
 * Which probes are meant: PROVIDER:PROBE, each side a pattern of glob(7), an empty one being "*".
 */
#ifndef CLI_GLOBS_H
#define CLI_GLOBS_H

#include <stdbool.h>
#include <stddef.h>

struct glob {
    const char *text;
    char *provider, *probe;
    size_t matches; /* for who wants to count them */
};

/* Whether a word of the command line is a glob rather than a path: it has a colon, and no slash. */
bool glob_is(const char *word);

/* `text` must live as long, and have a colon. */
void glob_make(const char *text, struct glob *ret);
void glob_free(struct glob *glob);

bool glob_matches(const struct glob *glob, const char *provider, const char *probe);

#endif
