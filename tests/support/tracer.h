/* SPDX-License-Identifier: MIT */
/*
 * A minimal tracer: a uprobe by perf_event_open(2) that counts hits. It can watch its own process,
 * so that a test needs no other tool to see the semaphore rise and fall and to count hits.
 */
#ifndef TEST_TRACER_H
#define TEST_TRACER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "rst.h"

/* Why no tracer can attach here ("no permission ..."), or NULL. */
const char *tracer_unavailable(void);

/*
 * Skip the cmocka test, with the reason, if no tracer can attach; with RST_REQUIRE_TRACERS=1, fail
 * it.
 */
void need_tracer(void);
void need(bool condition, const char *reason);

/*
 * Watch a site of a file, with its semaphore, in process `pid` (0: this one, -1: all). Gives a
 * descriptor, to be closed to detach, or a negative errno.
 */
int tracer_attach(const char *path, uint64_t site_offset, uint64_t semaphore_offset, pid_t pid);

/* Watch a loaded probe of this process; ends the test with an error if that fails. */
int tracer_attach_probe(const rst_probe *probe, const char *provider, pid_t pid);

/* Watch a probe in this process without its semaphore, like tracers that don't know semaphores. */
int tracer_attach_uncounted(const rst_probe *probe, const char *provider);

/* How many hits were counted. */
uint64_t tracer_count(int tracer);

/* Count in every thread of every process, with a tracer on each CPU. */
#define TRACER_MAX_CPUS 256

struct tracers {
    int count;
    int tracers[TRACER_MAX_CPUS];
};

struct tracers tracers_attach_everywhere(const rst_probe *probe, const char *provider);
uint64_t tracers_count(const struct tracers *tracers);
void tracers_detach(struct tracers *tracers);

#endif
