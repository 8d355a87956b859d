/* SPDX-License-Identifier: MIT */
/* Code that counts: --count, --hist and --by; and hits that are lost. */
#ifndef CLI_TRACE_BPF_COUNT_H
#define CLI_TRACE_BPF_COUNT_H

#include "cli/trace/bpf/program_options.h"
#include "cli/trace/bpf/value.h"

/* R0 = the variant's number. */
void count_add_variant(struct code *code, const struct program_options *options, size_t number);

/* Add 1 to one of the COUNTERS. */
void count_add_to_counter(struct code *code, const struct program_options *options, int counter);

/* Count a hit. The arguments of --by and --hist are in their slots. */
void count_add(struct reader *reader, const struct plan_probe *probe,
               const struct program_options *options, size_t number);

#endif
