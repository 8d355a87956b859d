/* SPDX-License-Identifier: MIT */
/* What all programs of a trace have in common. */
#ifndef CLI_TRACE_PROGRAM_OPTIONS_H
#define CLI_TRACE_PROGRAM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/trace/plan/options.h"

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

#endif
