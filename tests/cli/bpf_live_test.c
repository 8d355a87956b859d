/* SPDX-License-Identifier: MIT */
/*
 * The programs of `rst trace`, run by the kernel at a site of this process: their records and
 * counts are what was at the site.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf_host.h"
#include "cli/trace/bpf/record.h"

enum { REG_AX = 80, REG_BX = 40, REG_CX = 88, REG_DX = 96, REG_SI = 104, REG_DI = 112 };

static struct plan_value in_register(enum value_kind kind, uint8_t size, bool is_signed,
                                     uint16_t reg)
{
    return (struct plan_value){
        .kind = kind,
        .size = size,
        .is_signed = is_signed,
        .location = {.kind = LOCATION_REGISTER, .base = reg, .index = LOCATION_NO_REGISTER},
    };
}

/* A trace of one variant. */
struct trace {
    struct plan plan;
    struct plan_probe probe;
    struct plan_variant variant;
    struct program_options options;
    struct bpf_ring ring;
    uint64_t registers[SITE_REGISTERS];
    int counters;
};

static void trace_open(struct trace *trace)
{
    *trace = (struct trace){
        .probe = {.by = -1, .hist = -1},
        .options = {.string_bytes = 256},
    };
    trace->plan.probes = &trace->probe;
    trace->plan.probe_count = 1;
    trace->plan.variants = &trace->variant;
    trace->plan.variant_count = 1;
    bpf_ring_open(&trace->ring, 1 << 16);
    trace->counters = bpf_map(BPF_MAP_TYPE_ARRAY, 4, 8 * COUNTERS, 1, 0);
    trace->options.ring = trace->ring.map;
    trace->options.counters = trace->counters;
}

static void trace_close(struct trace *trace)
{
    bpf_ring_close(&trace->ring);
    close(trace->counters);
}

static void fire(struct trace *trace)
{
    struct program made;
    int program, link;

    assert_int_equal(program_emit(&trace->plan, 0, &trace->options, &made), 0);
    program = bpf_program(&made, trace->options.sleepable);
    free(made.list);
    link = bpf_site(program, 7);
    site_fire(trace->registers);
    close(link);
    close(program);
}

static void an_event_has_numbers_and_strings(void **state)
{
    struct trace trace;
    const struct record *record;
    const uint8_t *bytes;
    size_t size;

    (void)state;
    need_bpf();
    trace_open(&trace);
    trace.probe.argument_count = 3;
    trace.variant.values[0] = in_register(VALUE_INTEGER, 8, false, REG_DI);
    trace.variant.values[1] = in_register(VALUE_STRING, 8, false, REG_SI);
    trace.variant.values[2] = in_register(VALUE_INTEGER, 4, true, REG_DX);
    trace.registers[REG_DI / 8] = UINT64_MAX;
    trace.registers[REG_SI / 8] = (uintptr_t) "/index";
    trace.registers[REG_DX / 8] = UINT32_MAX;
    fire(&trace);
    bytes = bpf_ring_next(&trace.ring, &size);
    assert_non_null(bytes);
    record = (const void *)bytes;
    assert_int_equal(size, sizeof(*record) + 24 + 4 + 7);
    assert_int_equal(record->pid, getpid());
    assert_int_equal(record->tid, gettid());
    assert_int_equal(record->unreadable, 0);
    assert_int_equal(record->frame_size, 0);
    trace_close(&trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_has_numbers_and_strings),
    };

    return cmocka_run_group_tests_name("bpf_live", tests, NULL, NULL);
}
