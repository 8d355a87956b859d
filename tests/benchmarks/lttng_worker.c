/* SPDX-License-Identifier: MIT */
/*
 * The worker with a compiled-in event of LTTng-UST.
 */
#include "lttng_probes.h"
#include "worker.h"

#define FIRE_CHECKS 1000

static uint64_t first_written;

BENCH_RUN(run_guard, if (lttng_ust_tracepoint_enabled(bench, request)) bench_pass());
BENCH_RUN_SINGLY(run_loop, if (lttng_ust_tracepoint_enabled(bench, request)) bench_pass());
BENCH_RUN_SINGLY(run_fire, lttng_ust_tracepoint(bench, request, i, BENCH_PATH, BENCH_STATUS));

static void raise_state(int by)
{
    lttng_ust_tracepoint_bench___request.state += by;
}

static enum bench_outcome prepare_guard(const char *arg)
{
    (void)arg;
    return bench_check_guard(run_guard, raise_state);
}

static enum bench_outcome prepare_loop(const char *arg)
{
    (void)arg;
    return bench_check_guard(run_loop, raise_state);
}

static enum bench_outcome prepare_fire(const char *arg)
{
    (void)arg;
    if (!lttng_ust_tracepoint_enabled(bench, request))
        return bench_say(BENCH_FAIL, "the session has not enabled the event");
    run_fire(FIRE_CHECKS);
    first_written = bench_lttng_written;
    if (first_written != FIRE_CHECKS)
        return bench_say(BENCH_FAIL, "%llu of %d events were written",
                         (unsigned long long)first_written, FIRE_CHECKS);
    return bench_say(BENCH_OK, "written to a flight-recorder buffer");
}

static enum bench_outcome finish_fire(uint64_t total)
{
    uint64_t written = bench_lttng_written - first_written;

    if (written != total)
        return bench_say(BENCH_FAIL, "%llu of %llu events were written",
                         (unsigned long long)written, (unsigned long long)total);
    return bench_say(BENCH_OK, "%llu events, all written", (unsigned long long)total);
}

const struct bench_job bench_jobs[] = {
    {"guard-lttng", prepare_guard, run_guard, NULL, bench_finish_guard},
    {"loop-lttng", prepare_loop, run_loop, NULL, bench_finish_guard},
    {"fire-lttng", prepare_fire, run_fire, NULL, finish_fire},
    {NULL, NULL, NULL, NULL, NULL},
};
