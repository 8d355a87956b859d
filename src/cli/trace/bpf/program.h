/* SPDX-License-Identifier: MIT */
/*
 * The BPF program of a variant: pure, the same bytes for the same input. Straight-line code but for
 * forward jumps; its length is bounded by the number of arguments and the filter's size.
 */
#ifndef CLI_TRACE_PROGRAM_H
#define CLI_TRACE_PROGRAM_H

#include <linux/bpf.h>

#include "cli/trace/bpf/program_options.h"
#include "cli/trace/plan/plan.h"

struct program {
    struct bpf_insn *list; /* free() it */
    size_t count;
};

/*
 * Emit the program. `number` is the variant's. Gives 0, or -E2BIG if it would be longer than the
 * kernel takes.
 */
int program_emit(const struct plan *plan, size_t number, const struct program_options *options,
                 struct program *ret);

#endif
