/* SPDX-License-Identifier: MIT */
/*
 * rst list: its command, and what its forms share.
 */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include "cli/base/text.h"
#include "cli/find/find.h"

extern const struct command list_command;

/* Add "provider:probe", fit for a terminal. */
void list_add_name(const struct usdt_probe *probe, struct text *ret);

void list_as_table(const struct findings *findings);

#endif
