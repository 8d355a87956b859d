/* SPDX-License-Identifier: MIT */
/*
 * The two output formats of `rst list`.
 */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include "cli/find/find.h"

extern const struct command list_command;

void list_as_table(const struct findings *findings);
void list_as_json(const struct findings *findings);

#endif
