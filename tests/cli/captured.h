/* SPDX-License-Identifier: MIT */
/* What functions print on stdout or stderr, kept for tests. */
#ifndef CAPTURED_H
#define CAPTURED_H

/* Choose the locale and environment that the output depends on. */
void capture_start(void);

void capture(void);                                     /* stdout, from here on */
void capture_errors(void);                              /* stderr */
void capture_terminal(unsigned rows, unsigned columns); /* stdout, which is a terminal */

/* What was printed since the last call; it stays valid until the next one. */
const char *captured_so_far(void);

/* The same, and the stream is again what it was. */
char *captured(void);

/* Replace each line that is only a time of day by "TIME". */
char *without_times(char *words);

#endif
