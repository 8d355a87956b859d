/* SPDX-License-Identifier: MIT */
/*
 * What a glob that matches none may have meant.
 */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <stddef.h>

#include "cli/find/globs.h"
#include "cli/find/known_file.h"

/* Say that no probe matches it, and which ones of those files have nearly that name. */
void suggest(struct known_file *const *files, size_t count, const struct glob *glob);

#endif
