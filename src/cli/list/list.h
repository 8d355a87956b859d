/* SPDX-License-Identifier: MIT */
/*
 * The two forms in which `rst list` shows what it found.
 */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include "cli/find/find.h"

extern const struct command list_command;

void list_as_table(const struct findings *findings);
void list_as_json(const struct findings *findings);

#endif
