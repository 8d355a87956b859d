/* SPDX-License-Identifier: MIT */
/*
 * A job whose probe is traced, by its own process.
 */
#ifndef BENCH_TRACED_JOB_H
#define BENCH_TRACED_JOB_H

#include "worker.h"

/*
 * Attach to provider:probe of the image in `path` in a way that attach_uprobe.h lists, and check
 * that the tracer sees every fire of `run` and that the kernel counts it in the semaphore.
 */
enum bench_outcome bench_traced_prepare(const char *way, const char *path, const char *provider,
                                        const char *probe, void (*run)(uint64_t count));

/* Check that it saw every fire that was timed, and that the semaphore falls when it leaves. */
enum bench_outcome bench_traced_finish(uint64_t total);

#endif
