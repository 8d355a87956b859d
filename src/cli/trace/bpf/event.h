/* SPDX-License-Identifier: MIT */
/* A hit, read from its record. */
#ifndef CLI_TRACE_EVENT_H
#define CLI_TRACE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/trace/bpf/record.h"
#include "cli/trace/plan/plan.h"

struct event_string {
    const char *bytes; /* not NUL-terminated; in the record */
    size_t size;
    bool cut;
};

struct event {
    uint64_t time; /* nanoseconds of CLOCK_BOOTTIME */
    const struct plan_variant *variant;
    const struct plan_probe *probe;
    uint32_t cpu;
    pid_t pid, tid;
    char comm[17];
    uint32_t unreadable; /* bit N: argument N */
    uint64_t values[USDT_MOST_ARGUMENTS];
    struct event_string strings[USDT_MOST_ARGUMENTS]; /* of string arguments that are not null */
    const uint64_t *frames;                           /* program counters, the innermost first */
    size_t frame_count;
};

/*
 * Read a record, which is not trusted. Gives whether it is valid. `ret` refers to `bytes`, which
 * must be aligned to 8.
 */
bool event_read(const struct plan *plan, const void *bytes, size_t size, struct event *ret);

#endif
