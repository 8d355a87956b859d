/* SPDX-License-Identifier: MIT */
#include "rst_worker_jobs.h"

#include "load_many.h"
#include "traced_job.h"

const struct bench_job bench_jobs[] = {
    {"guard-empty", bench_guard_empty_prepare, bench_guard_empty, NULL, NULL},
    {"guard-sdt", bench_sdt_guard_prepare, bench_sdt_guard, NULL, bench_finish_guard},
    {"guard-rst-enabled", bench_guard_rst_enabled_prepare, bench_guard_rst_enabled, NULL,
     bench_finish_guard},
    {"guard-rst-fire", bench_guard_rst_fire_prepare, bench_guard_rst_fire, NULL,
     bench_finish_guard},
    {"guard-rst-semaphore", bench_guard_rst_semaphore_prepare, bench_guard_rst_semaphore, NULL,
     bench_finish_guard},
    {"guard-rst-function", bench_guard_rst_function_prepare, bench_guard_rst_function, NULL,
     bench_finish_guard},

    {"loop-empty", bench_guard_empty_prepare, bench_loop_empty, NULL, NULL},
    {"loop-sdt", bench_sdt_loop_prepare, bench_sdt_loop, NULL, bench_finish_guard},
    {"loop-rst-enabled", bench_loop_rst_enabled_prepare, bench_loop_rst_enabled, NULL,
     bench_finish_guard},
    {"loop-rst-local", bench_loop_rst_local_prepare, bench_loop_rst_local, NULL,
     bench_finish_guard},
    {"loop-rst-fire", bench_loop_rst_fire_prepare, bench_loop_rst_fire, NULL, bench_finish_guard},

    {"loop-call", bench_guard_empty_prepare, bench_loop_call, NULL, NULL},
    {"loop-rst-pointers", bench_pointer_fire_prepare, bench_pointer_fire, NULL, NULL},

    {"call-empty", bench_call_prepare, bench_call_empty, NULL, bench_call_finish},
    {"call-pointer", bench_call_prepare, bench_call_pointer, NULL, bench_call_finish},
    {"call-rst-function", bench_call_prepare, bench_call_rst_function, NULL, bench_call_finish},
    {"call-rst-fire", bench_call_prepare, bench_call_rst_fire, NULL, bench_call_finish},
    {"call-sdt", bench_guard_empty_prepare, bench_sdt_call, NULL, NULL},

    {"fire-rst", bench_fire_rst_prepare, bench_fire_rst, NULL, bench_traced_finish},
    {"fire-rst-pointers", bench_pointer_fire_prepare, bench_pointer_fire, NULL,
     bench_traced_finish},
    {"fire-sdt", bench_sdt_fire_prepare, bench_sdt_fire, NULL, bench_traced_finish},

    {"load", bench_load_prepare, NULL, bench_load_measure, NULL},
    {"add", bench_load_prepare, NULL, bench_add_measure, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
