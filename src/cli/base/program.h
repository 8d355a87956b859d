/* SPDX-License-Identifier: MIT */
/*
 * Finding a program, and asking it for its version.
 */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

#include <stdbool.h>

#define PROGRAM_VERSION 64

/* The path of a program, in PATH or where tracers use to be; free() it. NULL: there is none. */
char *program_path(const char *program);

/*
 * Run `PATH OPTION`, for a few seconds at most. Gives whether its output has `mark` in it and a
 * version number, which goes to `ret`.
 */
bool program_version(const char *path, const char *option, const char *mark,
                     char ret[PROGRAM_VERSION]);

#endif
