/* SPDX-License-Identifier: MIT */
/*
 * From the words of a command line to a search, for `rst list` and `rst trace`.
 */
#ifndef CLI_LOOKUP_H
#define CLI_LOOKUP_H

#include "cli/find/find.h"

/*
 * Add a process named by -p. Gives STATUS_USAGE, and reports why, if the word is not a process id.
 */
enum status search_add_pid(struct search *search, const char *command, const char *word);

/* Add a glob or a file. The word must live as long as the search. */
void search_add_word(struct search *search, const char *word);

void search_free(struct search *search);

#endif
