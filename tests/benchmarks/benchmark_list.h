/* SPDX-License-Identifier: MIT */
#ifndef BENCH_BENCHMARK_LIST_H
#define BENCH_BENCHMARK_LIST_H

#include "contender.h"

extern struct question questions[];
extern const size_t question_count;

#endif
