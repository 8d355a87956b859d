/* SPDX-License-Identifier: MIT */
/*
 * A job that traces its own probe.
 */
#ifndef BENCH_TRACED_JOB_H
#define BENCH_TRACED_JOB_H

#include "worker.h"

/*
 * Attach to provider:probe of the image in `path`, in one of the ways in attach_uprobe.h. Check
 * that the tracer sees every fire of `run` and that the kernel counts the tracer in the semaphore.
 */
enum bench_outcome bench_traced_prepare(const char *way, const char *path, const char *provider,
                                        const char *probe, void (*run)(uint64_t count));

/*
 * Check that the tracer saw every fire that was timed, and that the semaphore falls when it
 * detaches.
 */
enum bench_outcome bench_traced_finish(uint64_t total);

#endif
