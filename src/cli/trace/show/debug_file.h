/* SPDX-License-Identifier: MIT */
/* Files below /usr/lib/debug, where packages put debugging information. */
#ifndef CLI_TRACE_DEBUG_FILE_H
#define CLI_TRACE_DEBUG_FILE_H

#include <stddef.h>

/* Open the one with a build id. Gives a descriptor, or -1. */
int debug_file_open(const void *build_id, size_t size);

/* Open one by its path, which must be below /usr/lib/debug. Gives a descriptor, or -1. */
int debug_file_named(const char *path);

#endif
