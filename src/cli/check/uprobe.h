/* SPDX-License-Identifier: MIT */
/*
 * A minimal tracer: a uprobe that counts hits, by perf_event_open(2).
 */
#ifndef CLI_UPROBE_H
#define CLI_UPROBE_H

#include <stdint.h>

/*
 * Watch a site in this process. Gives a descriptor, from which the count is read, or a negative
 * errno.
 */
int uprobe_attach(const char *path, uint64_t site, uint64_t semaphore);

#endif
