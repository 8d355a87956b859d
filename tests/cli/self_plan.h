/* SPDX-License-Identifier: MIT */
/*
 * Plans to trace the test's own process: of librst's probes in it, whose sites are found by reading
 * their files, like those of any program.
 */
#ifndef TEST_SELF_PLAN_H
#define TEST_SELF_PLAN_H

#include "cli/trace/plan/plan.h"
#include "rst.h"

#define SELF_MOST_PROBES 8

struct self_plan {
    struct trace_options options;
    struct plan plan;
    struct usdt_file files[SELF_MOST_PROBES];
    struct source sources[SELF_MOST_PROBES];
    char titles[SELF_MOST_PROBES][64];
    pid_t pid;
};

/*
 * Begin a plan; watch only this process, or, with `pid` 0, all that have the files. Change
 * `options` before self_plan_add().
 */
void self_plan_begin(struct self_plan *ret, pid_t pid);

/* Add a loaded probe, which has a uint64, or a uint64 and a string. */
void self_plan_add(struct self_plan *self, const char *provider, const rst_probe *probe);
void self_plan_free(struct self_plan *self);

#endif
