/* SPDX-License-Identifier: MIT */
/*
 * Finding other programs, and asking them for their versions.
 */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

#include <stdbool.h>

#define PROGRAM_VERSION 64

/*
 * The path of a program in PATH, or where tracers are usually installed; free() it. NULL if there
 * is none.
 */
char *program_path(const char *program);

/*
 * Run `PATH OPTION` for a few seconds at most. Gives whether the output contains `mark` and a
 * version number, which goes to `ret`.
 */
bool program_version(const char *path, const char *option, const char *mark,
                     char ret[PROGRAM_VERSION]);

#endif
