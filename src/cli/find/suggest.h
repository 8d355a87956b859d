/* SPDX-License-Identifier: MIT */
/*
 * What a glob that matches none may have meant.
 */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include "cli/find/find.h"

/* Say that no probe matches it, and which are called almost so. */
void suggest(const struct findings *findings, const struct glob *glob);

#endif
