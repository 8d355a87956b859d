/* SPDX-License-Identifier: MIT */
/* From addresses to lines of sources, by the debugging information (DWARF) of an ELF file. */
#ifndef CLI_TRACE_LINES_H
#define CLI_TRACE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines;

/*
 * Gives NULL if the file has no debugging information, or more than rst reads. `fd` stays the
 * caller's, and must be open until lines_free().
 */
struct lines *lines_new(int fd);
void lines_free(struct lines *lines);

/* `ret_file` is valid until the next call. */
bool lines_find(struct lines *lines, uint64_t address, const char **ret_file, int *ret_line);

/*
 * Open a file of debugging information below /usr/lib/debug, where packages put them: that with the
 * build id, or else `name`, which may be NULL. Gives a descriptor, or -1.
 */
int lines_open(const void *build_id, size_t size, const char *name);

#endif
