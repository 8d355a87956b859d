/* SPDX-License-Identifier: MIT */
/*
 * Traces this process: attaches a uprobe to a site, with the semaphore counted by the kernel, in
 * each of the ways that tracers use.
 */
#ifndef BENCH_ATTACH_UPROBE_H
#define BENCH_ATTACH_UPROBE_H

#include <stdint.h>

#include "find_site.h"
#include "worker.h"

/*
 * Attach by `way`:
 *   "perf"      perf_event_open(2), counting: no more than the trap itself
 *   "perf-bpf"  the same with a BPF program that counts, as libbpf and bpftrace attach to one probe
 *   "multi"     a uprobe-multi link with the same program (Linux 6.6), as they attach to many
 */
enum bench_outcome bench_attach(const char *way, const struct bench_site *site);
void bench_detach(void);

/* How many fires the tracer has counted. */
uint64_t bench_hits(void);

#endif
