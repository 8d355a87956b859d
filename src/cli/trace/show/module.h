/* SPDX-License-Identifier: MIT */
/*
 * A file that processes have mapped: the names of its functions, and file:line where it, or a file
 * in /usr/lib/debug, has debugging information. It is read when it is first asked, and may be any
 * file: what it can make rst read and keep is limited.
 */
#ifndef CLI_TRACE_MODULE_H
#define CLI_TRACE_MODULE_H

#include "cli/trace/show/show.h"

struct module;

/* Takes the descriptor; -1: the file can't be opened, and has no names. */
struct module *module_new(int fd);
void module_free(struct module *module);

/*
 * Fill the function, the offset, the file and the line for what is at `offset` in the file; of a
 * `call`, the address is that after it. What is not known stays as it is, but for the offset. The
 * strings are valid until the next call.
 */
void module_frame(struct module *module, uint64_t offset, bool call, struct frame *ret);

#endif
