/* SPDX-License-Identifier: MIT */
/*
 * What the user may have meant by a glob that matches nothing.
 */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include "cli/find/find.h"

/* Report that no probe matches, and name those that were found and have nearly that name. */
void suggest(const struct findings *findings, const struct glob *glob);

#endif
