/* SPDX-License-Identifier: MIT */
/*
 * A minimal tracer: a uprobe that counts hits, by perf_event_open(2).
 */
#ifndef CLI_UPROBE_H
#define CLI_UPROBE_H

#include <stdbool.h>
#include <stdint.h>

/* Watch a site in this process. Gives a descriptor or a negative errno. */
int uprobe_attach(const char *path, uint64_t site, uint64_t semaphore);

/* Whether attaching failed because permission is missing. */
bool uprobe_is_refused(int uprobe);

/* How many hits were counted. */
uint64_t uprobe_count(int uprobe);

#endif
