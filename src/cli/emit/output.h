/* SPDX-License-Identifier: MIT */
/*
 * Writing a file as a whole or not at all.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Put `bytes` into the file `path`: a new one takes its place once it is complete, with the mode of
 * the old one. A link stays, and what it leads to is replaced, if the kernel follows it. "-" is
 * standard output; a device, a pipe, and what is reached by a link in /proc, is written to as it
 * is. Gives 0 or a negative errno.
 */
int output_write(const char *path, const uint8_t *bytes, size_t size);

#endif
