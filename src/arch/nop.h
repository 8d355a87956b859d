/* SPDX-License-Identifier: MIT */
/*
 * Which nop the site gets, by what the kernel makes of it.
 */
#ifndef RST_NOP_H
#define RST_NOP_H

#include <stdbool.h>

#include "arch/arch.h"

/*
 * Choose for the kernel that runs and, on 6.18 to 7.2, for what `RST_NOP` asks. Gives 0 or -EINVAL,
 * with `ret` untouched.
 */
int rst_nop_choose(enum rst_nop *ret);

/* The choice itself. `release` is uname(2)'s; `probe` asks the kernel: see nop.c. */
enum rst_nop rst_nop_for(const char *release, bool fast, int (*probe)(void));

#endif
