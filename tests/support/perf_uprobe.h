/* SPDX-License-Identifier: MIT */
/*
 * A uprobe by perf_event_open(2) that counts hits. Every tracer asks the kernel for one.
 */
#ifndef TEST_PERF_UPROBE_H
#define TEST_PERF_UPROBE_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Watch the site at that offset of a file, and have the kernel count in the semaphore at the other
 * offset (0: no semaphore), in a process (0: this one, -1: all) and on a CPU (-1: all). Gives a
 * descriptor from which the number of hits can be read; close it to detach. Gives a negative errno
 * on failure.
 */
int perf_uprobe_open(const char *path, uint64_t site, uint64_t semaphore, pid_t pid, int cpu);

/*
 * The number at the start of a file, such as the kernel's files in /sys; a negative errno on
 * failure.
 */
int read_number(const char *path);

#endif
