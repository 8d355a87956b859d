/* SPDX-License-Identifier: MIT */
#include "bpf_trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

void trace_open(struct trace *trace, size_t ring)
{
    *trace = (struct trace){
        .plan = {.probe_count = 1, .variant_count = 1},
        .probe = {.argument_count = 3, .by = -1, .hist = -1},
        .variant = {.context = site_context(),
                    .values = {value_in_register(VALUE_INTEGER, 8, false, REG_DI),
                               value_in_register(VALUE_STRING, 8, false, REG_SI),
                               value_in_register(VALUE_INTEGER, 4, true, REG_DX)}},
        .options = {.string_bytes = 256},
    };
    trace->plan.probes = &trace->probe;
    trace->plan.variants = &trace->variant;
    bpf_ring_open(&trace->ring, ring);
    trace->options.ring = trace->ring.map;
    trace->options.counters = bpf_map(BPF_MAP_TYPE_ARRAY, 4, 8 * COUNTERS, 1, 0);
    assert_true(trace->options.counters >= 0);
}

void trace_close(struct trace *trace)
{
    bpf_ring_close(&trace->ring);
    close(trace->options.counters);
}

void trace_fire(struct trace *trace)
{
    struct program made;
    int program;

    assert_int_equal(program_emit(&trace->plan, 0, &trace->options, &made), 0);
    program = bpf_program(&made, trace->options.sleepable);
    free(made.list);
    bpf_run(program, trace->options.sleepable, trace->registers);
    close(program);
}

uint64_t trace_counter(const struct trace *trace, int which)
{
    uint64_t values[COUNTERS];
    uint32_t first = 0;

    assert_true(bpf_lookup(trace->options.counters, &first, values));
    return values[which];
}

bool trace_next(struct trace *trace, struct seen *ret)
{
    size_t size, string = sizeof(struct record) + 3 * sizeof(uint64_t);
    const uint8_t *bytes = bpf_ring_next(&trace->ring, &size);

    if (!bytes)
        return false;
    assert_true(size >= string + 4);
    memcpy(&ret->head, bytes, sizeof(ret->head));
    memcpy(&ret->size, bytes + string, sizeof(ret->size));
    assert_true(ret->size <= size - string - 4 && ret->size <= sizeof(ret->string));
    memcpy(ret->string, bytes + string + 4, ret->size);
    bpf_ring_pass(&trace->ring);
    return true;
}

void trace_set_string(struct trace *trace, const void *string)
{
    trace->registers[REG_SI / 8] = (uintptr_t)string;
}
