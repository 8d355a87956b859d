/* SPDX-License-Identifier: MIT */
/*
 * A probe of librst: its guard, and its fire while a tracer watches.
 */
#include "loaded_probe.h"
#include "rst_worker_jobs.h"
#include "traced_job.h"

rst_probe *bench_probe;
static const volatile uint32_t *semaphore; /* as an FFI or a JIT keeps it */

enum bench_outcome bench_probe_load(void)
{
    rst_provider *provider = rst_provider_new(BENCH_PROVIDER);

    bench_probe = provider ? rst_provider_add(provider, BENCH_PROBE, BENCH_SIGNATURE) : NULL;
    if (!bench_probe || rst_provider_load(provider) < 0)
        return bench_say(BENCH_FAIL, "%s", rst_error());
    if (!rst_probe_path(bench_probe))
        return bench_say(BENCH_FAIL, "the load did nothing; is RST_DISABLE set?");
    semaphore = rst_probe_semaphore(bench_probe);
    return BENCH_OK;
}

/* ------------------------------------------------------------------------- the guard -- */

BENCH_RUN(bench_guard_empty, );
BENCH_RUN(bench_guard_rst_enabled, if (RST_ENABLED(bench_probe)) bench_pass());
BENCH_RUN(bench_guard_rst_fire, RST_FIRE(bench_probe, (bench_pass(), i), BENCH_PATH, BENCH_STATUS));
BENCH_RUN(bench_guard_rst_semaphore, if (__builtin_expect(*semaphore != 0, 0)) bench_pass());
BENCH_RUN(bench_guard_rst_function,
          if (__builtin_expect(rst_probe_enabled(bench_probe), 0)) bench_pass());

/* One guard in each turn of the loop, as in most programs. */
BENCH_RUN_SINGLY(bench_loop_empty, );
BENCH_RUN_SINGLY(bench_loop_rst_enabled, if (RST_ENABLED(bench_probe)) bench_pass());
BENCH_RUN_SINGLY(bench_loop_rst_fire,
                 RST_FIRE(bench_probe, (bench_pass(), i), BENCH_PATH, BENCH_STATUS));

/* The handle is in a local variable, as in a program that fires in a loop. */
void bench_loop_rst_local(uint64_t count)
{
    const rst_probe *probe = bench_probe;

    for (uint64_t i = 0; i < count; i++) {
        if (RST_ENABLED(probe))
            bench_pass();
        BENCH_BARRIER();
    }
}

/* Raise the semaphore by hand, as tracers did before the kernel counted. */
static void raise_semaphore(int by)
{
    volatile uint32_t *writable = (volatile uint32_t *)(uintptr_t)semaphore;

    *writable += (uint32_t)by;
}

enum bench_outcome bench_guard_empty_prepare(const char *arg)
{
    (void)arg;
    return BENCH_OK;
}

/* A function for each loop, because a job's prepare() has no argument for the loop. */
#define PREPARE(loop)                                                                              \
    enum bench_outcome loop##_prepare(const char *arg)                                             \
    {                                                                                              \
        enum bench_outcome outcome = bench_probe_load();                                           \
                                                                                                   \
        (void)arg;                                                                                 \
        return outcome == BENCH_OK ? bench_check_guard(loop, raise_semaphore) : outcome;           \
    }                                                                                              \
    struct bench_needs_semicolon

PREPARE(bench_guard_rst_enabled);
PREPARE(bench_guard_rst_fire);
PREPARE(bench_guard_rst_semaphore);
PREPARE(bench_guard_rst_function);
PREPARE(bench_loop_rst_enabled);
PREPARE(bench_loop_rst_fire);
PREPARE(bench_loop_rst_local);

/* --------------------------------------------------------------------- a traced fire -- */

BENCH_RUN_SINGLY(bench_fire_rst, RST_FIRE(bench_probe, i, BENCH_PATH, BENCH_STATUS));

enum bench_outcome bench_fire_rst_prepare(const char *arg)
{
    enum bench_outcome outcome = bench_probe_load();

    return outcome == BENCH_OK ? bench_traced_prepare(arg, rst_probe_path(bench_probe),
                                                      BENCH_PROVIDER, BENCH_PROBE, bench_fire_rst)
                               : outcome;
}
