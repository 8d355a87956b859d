/* SPDX-License-Identifier: MIT */
/*
 * rst emit, and writing a file completely or not at all.
 */
#ifndef CLI_EMIT_H
#define CLI_EMIT_H

#include <stddef.h>
#include <stdint.h>

#include "cli/base/command.h"

extern const struct command emit_command;

/*
 * Write `bytes` to the file `path`. A complete new file replaces the old one, with its mode. If
 * `path` is a link that the kernel follows, the link stays and the file that it leads to is
 * replaced. A device, a pipe, and a file that no path leads to any more are written to, not
 * replaced. "-" is standard output. Gives 0 or a negative errno.
 */
int output_write(const char *path, const uint8_t *bytes, size_t size);

#endif
