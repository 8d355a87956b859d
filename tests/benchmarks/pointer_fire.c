/* SPDX-License-Identifier: MIT */
/*
 * A probe by its two pointers, as a JIT's code or a foreign function has it: the semaphore's
 * address and the probe's function.
 */
#include "loaded_probe.h"
#include "rst_worker_jobs.h"
#include "traced_job.h"

typedef void (*probe_function)(uint64_t id, uint64_t path, uint64_t status);

static const volatile uint32_t *semaphore;
static probe_function function;

BENCH_RUN_SINGLY(bench_pointer_fire, if (__builtin_expect(*semaphore != 0, 0))
                                         function(i, (uintptr_t)BENCH_PATH, BENCH_STATUS));

static enum bench_outcome load(void)
{
    enum bench_outcome outcome = bench_probe_load();

    semaphore = rst_probe_semaphore(bench_probe);
    function = (probe_function)rst_probe_function(bench_probe);
    return outcome;
}

enum bench_outcome bench_pointer_fire_prepare(const char *way)
{
    enum bench_outcome outcome = load();

    if (outcome != BENCH_OK || !*way)
        return outcome;
    return bench_traced_prepare(way, rst_probe_path(bench_probe), BENCH_PROVIDER, BENCH_PROBE,
                                bench_pointer_fire);
}

/* The cost of any call: a function with as many arguments, in each turn of a loop. */
__attribute__((noinline)) static void empty(uint64_t id, uint64_t path, uint64_t status)
{
    __asm__ volatile("" : : "r"(id), "r"(path), "r"(status));
}

BENCH_RUN_SINGLY(bench_loop_call, empty(i, (uintptr_t)BENCH_PATH, BENCH_STATUS));
