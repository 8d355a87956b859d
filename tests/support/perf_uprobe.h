/* SPDX-License-Identifier: MIT */
/*
 * A uprobe by perf_event_open(2), in counting mode: what every tracer asks the kernel for.
 */
#ifndef TEST_PERF_UPROBE_H
#define TEST_PERF_UPROBE_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Watch the site at that offset of a file, and have the kernel count the semaphore at the other (0:
 * none), in a process (0: this one, -1: every one) and on a CPU (-1: each). Gives a descriptor,
 * which reads as the number of hits and is closed to detach; a negative errno on failure.
 */
int perf_uprobe_open(const char *path, uint64_t site, uint64_t semaphore, pid_t pid, int cpu);

/* The number that a file begins with, such as the kernel's under /sys; a negative errno on failure.
 */
int read_number(const char *path);

#endif
