/* SPDX-License-Identifier: MIT */
/*
 * SystemTap's sys/sdt.h, compiled in: the contender that every user of USDT knows.
 */
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#include "rst_worker_jobs.h"
#include "traced_job.h"

#ifdef __clang__ /* the macros of sys/sdt.h pass nothing for "..." */
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#endif

#define PROVIDER "benchsdt"

/* The semaphore of provider:probe, with the section and type that sys/sdt.h expects. */
#define SEMAPHORE(probe)                                                                           \
    __extension__ unsigned short benchsdt_##probe##_semaphore __attribute__((section(".probes"))); \
    extern unsigned short benchsdt_##probe##_semaphore
SEMAPHORE(guard);
SEMAPHORE(call);
SEMAPHORE(fire);

/* PROVIDER_PROBE_ENABLED(), as `dtrace -h` writes it with `-s`. */
#define ENABLED(probe)                                                                             \
    __builtin_expect(*(volatile unsigned short *)&benchsdt_##probe##_semaphore, 0)

BENCH_RUN(bench_sdt_guard, if (ENABLED(guard)) bench_pass());
BENCH_RUN_SINGLY(bench_sdt_loop, if (ENABLED(guard)) bench_pass());
BENCH_RUN(bench_sdt_call, DTRACE_PROBE3(benchsdt, call, i, BENCH_PATH, BENCH_STATUS));
BENCH_RUN_SINGLY(bench_sdt_fire,
                 if (ENABLED(fire)) DTRACE_PROBE3(benchsdt, fire, i, BENCH_PATH, BENCH_STATUS));

static void raise_semaphore(int by)
{
    benchsdt_guard_semaphore = (unsigned short)(benchsdt_guard_semaphore + by);
}

enum bench_outcome bench_sdt_guard_prepare(const char *arg)
{
    (void)arg;
    return bench_check_guard(bench_sdt_guard, raise_semaphore);
}

enum bench_outcome bench_sdt_loop_prepare(const char *arg)
{
    (void)arg;
    return bench_check_guard(bench_sdt_loop, raise_semaphore);
}

enum bench_outcome bench_sdt_fire_prepare(const char *arg)
{
    return bench_traced_prepare(arg, "/proc/self/exe", PROVIDER, "fire", bench_sdt_fire);
}
