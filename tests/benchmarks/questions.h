/* SPDX-License-Identifier: MIT */
#ifndef BENCH_QUESTIONS_H
#define BENCH_QUESTIONS_H

#include "contender.h"

extern struct question questions[];
extern const size_t question_count;

#endif
