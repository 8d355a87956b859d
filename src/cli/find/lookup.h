/* SPDX-License-Identifier: MIT */
/*
 * What the words of a command line ask to be looked at, for `rst list` and `rst trace`.
 */
#ifndef CLI_LOOKUP_H
#define CLI_LOOKUP_H

#include "cli/find/find.h"

/* -p PID. Gives STATUS_USAGE, and says why, where it is none. */
enum status search_add_pid(struct search *search, const char *command, const char *word);

/* A glob, or else a file. The word must live as long. */
void search_add_word(struct search *search, const char *word);

void search_free(struct search *search);

#endif
