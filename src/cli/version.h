/* SPDX-License-Identifier: MIT */
/*
 * Finding a program, and asking it for its version.
 */
#ifndef CLI_VERSION_H
#define CLI_VERSION_H

#include <stdbool.h>

#define VERSION_SIZE 64

/* The path of a program, in PATH or where tracers use to be; free() it. NULL: there is none. */
char *version_path(const char *program);

/* Whether there is a program of that name, found so. */
bool version_find(const char *program);

/*
 * Run `PROGRAM OPTION`, for a few seconds at most. Gives whether its output has `mark` in it and a
 * version number, which goes to `ret`.
 */
bool version_ask(const char *program, const char *option, const char *mark, char ret[VERSION_SIZE]);

#endif
