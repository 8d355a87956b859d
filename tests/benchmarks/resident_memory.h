/* SPDX-License-Identifier: MIT */
#ifndef BENCH_RESIDENT_MEMORY_H
#define BENCH_RESIDENT_MEMORY_H

#include <stdint.h>

/* The bytes of this process that are in memory, exactly (statm is some pages out). */
uint64_t bench_rss(void);

#endif
