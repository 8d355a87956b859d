/* SPDX-License-Identifier: MIT */
/*
 * The smallest tracer: perf_event_open(2) with the kernel's uprobe events, in counting mode. It
 * can watch the process that it is in, so a test sees the semaphore go up and down, and counts
 * hits, without any tool.
 */
#ifndef TEST_TRACER_H
#define TEST_TRACER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "rst.h"

/* Why no tracer can attach here ("no permission ..."), or NULL if one can. */
const char *tracer_unavailable(void);

/*
 * In a cmocka test: skip it with the reason where no tracer can attach, or fail it if
 * RST_REQUIRE_TRACERS=1.
 */
void need_tracer(void);
void need(bool condition, const char *reason);

/* Watch a file's site, with its semaphore, in process `pid` (0: this one, -1: every one). Gives a
 * descriptor: close it to detach. Negative errno on failure. */
int tracer_attach(const char *path, uint64_t site_offset, uint64_t semaphore_offset, pid_t pid);

/* Watch a loaded probe of this process; aborts the test if that fails. */
int tracer_attach_probe(const rst_probe *probe, const char *provider, pid_t pid);

/* Watch it in this process without its semaphore, as tracers do that know nothing of semaphores. */
int tracer_attach_uncounted(const rst_probe *probe, const char *provider);

/* How many hits there have been. */
uint64_t tracer_count(int tracer);

/* The same in every thread of every process: a tracer on each CPU. */
#define TRACER_MAX_CPUS 256

struct tracers {
    int count;
    int tracers[TRACER_MAX_CPUS];
};

struct tracers tracers_attach_everywhere(const rst_probe *probe, const char *provider);
uint64_t tracers_count(const struct tracers *tracers);
void tracers_detach(struct tracers *tracers);

#endif
