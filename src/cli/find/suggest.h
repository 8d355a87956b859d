/* SPDX-License-Identifier: MIT */
/*
 * What the user may have meant by a glob that matches nothing.
 */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <stddef.h>

#include "cli/find/globs.h"
#include "cli/find/known_file.h"

/* Report that no probe matches, and name those of the files' probes whose names are nearly that. */
void suggest(struct known_file *const *files, size_t count, const struct glob *glob);

#endif
