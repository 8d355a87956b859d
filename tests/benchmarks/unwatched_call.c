/* SPDX-License-Identifier: MIT */
/*
 * The untraced call: the cost of calling a probe's function without a guard, like a binding that
 * can't read the semaphore first.
 */
#include "loaded_probe.h"
#include "rst_worker_jobs.h"

typedef void (*probe_function)(uint64_t id, uint64_t path, uint64_t status);

/*
 * The cost of any call: a function with the same arguments. The compiler must assume that it uses
 * them.
 */
__attribute__((noinline, aligned(64))) static void empty(uint64_t id, uint64_t path,
                                                         uint64_t status)
{
    __asm__ volatile("" : : "r"(id), "r"(path), "r"(status));
}

static probe_function pointer = empty, function;

BENCH_RUN(bench_call_empty, empty(i, (uintptr_t)BENCH_PATH, BENCH_STATUS));
BENCH_RUN(bench_call_pointer, pointer(i, (uintptr_t)BENCH_PATH, BENCH_STATUS));
BENCH_RUN(bench_call_rst_function, function(i, (uintptr_t)BENCH_PATH, BENCH_STATUS));

static void fire(uint64_t id)
{
    const uint64_t args[] = {id, (uintptr_t)BENCH_PATH, BENCH_STATUS};

    rst_probe_fire(bench_probe, args, sizeof(args) / sizeof(args[0]));
}

BENCH_RUN(bench_call_rst_fire, fire(i));

enum bench_outcome bench_call_prepare(const char *arg)
{
    enum bench_outcome outcome = bench_probe_load();

    (void)arg;
    function = (probe_function)rst_probe_function(bench_probe);
    return outcome;
}

enum bench_outcome bench_call_finish(uint64_t total)
{
    (void)total;
    return rst_probe_enabled(bench_probe) ? bench_say(BENCH_FAIL, "a tracer watched") : BENCH_OK;
}
