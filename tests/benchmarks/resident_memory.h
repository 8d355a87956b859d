/* SPDX-License-Identifier: MIT */
#ifndef BENCH_RESIDENT_MEMORY_H
#define BENCH_RESIDENT_MEMORY_H

#include <stdint.h>

/* How many bytes of this process are in memory, exactly (statm may be some pages off). */
uint64_t bench_rss(void);

#endif
