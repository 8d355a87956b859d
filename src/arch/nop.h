/* SPDX-License-Identifier: MIT */
/*
 * Which nop the site gets: the fastest that is safe on this kernel.
 */
#ifndef RST_NOP_H
#define RST_NOP_H

#include <stdbool.h>

#include "arch/arch.h"

/*
 * Choose for the running kernel and, on 6.18 to 7.2, by the environment variable RST_NOP. Gives 0,
 * or -EINVAL with `ret` untouched.
 */
int rst_nop_choose(enum rst_nop *ret);

/* The choice itself, for tests. `release` is uname(2)'s; `probe` calls uprobe(2), see nop.c. */
enum rst_nop rst_nop_for(const char *release, bool fast, int (*probe)(void));

#endif
