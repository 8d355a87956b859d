/* SPDX-License-Identifier: MIT */
/* --filter as jumps. */
#ifndef CLI_TRACE_BPF_FILTER_H
#define CLI_TRACE_BPF_FILTER_H

#include "cli/trace/bpf/value.h"

/* The arguments that the condition needs, as bits. NULL needs none. */
uint32_t filter_arguments(const struct condition *condition);

/* Go on if the condition holds, else jump to `no`. The arguments are in their slots. */
void filter_add(struct reader *reader, const struct condition *condition, code_label no);

#endif
