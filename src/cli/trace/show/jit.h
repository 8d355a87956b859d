/* SPDX-License-Identifier: MIT */
/*
 * The names of functions that a process has compiled at run time: /tmp/perf-PID.map, into which it
 * writes lines of START SIZE NAME.
 */
#ifndef CLI_TRACE_JIT_H
#define CLI_TRACE_JIT_H

#include <stdint.h>

struct jit;

/*
 * `directory` is a descriptor of /proc/PID; it stays the caller's, and must be open until
 * jit_free(). The file is looked for in the process's own mount and PID namespace, and must belong
 * to the process's user.
 */
struct jit *jit_new(int directory);
void jit_free(struct jit *jit);

/*
 * The name of the function at an address, and where it starts; NULL: it is not known. The name is
 * valid until the next call.
 */
const char *jit_find(struct jit *jit, uint64_t address, uint64_t *ret_start);

#endif
