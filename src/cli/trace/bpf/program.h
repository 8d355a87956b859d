/* SPDX-License-Identifier: MIT */
/*
 * The BPF program of a variant: pure, the same bytes for the same input. Straight-line code but for
 * forward jumps; its length is bounded by the number of arguments and the filter's size.
 */
#ifndef CLI_TRACE_PROGRAM_H
#define CLI_TRACE_PROGRAM_H

#include <linux/bpf.h>

#include "cli/trace/plan/plan.h"

/* What all programs of a trace have in common. */
struct program_options {
    enum trace_mode mode;
    bool stack;
    size_t string_bytes;
    bool sleepable; /* may fault pages in: bpf_copy_from_user() */
    bool by_cookie; /* the variant's number is the attachment's cookie; else a constant */
    uint64_t pid_device, pid_inode; /* rst's PID namespace; 0: the initial one */
    int ring, counters, counts;     /* descriptors of the maps */
    bool string_keys;               /* COUNT_KEY_SIZE() */
};

/* Those that follow from the plan. */
struct program_options program_options_of(const struct plan *plan);

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
