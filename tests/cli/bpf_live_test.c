/* SPDX-License-Identifier: MIT */
/*
 * The programs of `rst trace`, run by the kernel at a site of this process: null, lost hits, full
 * maps, PID namespaces, long filters. (bpf_random_test.c compares everything else.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf_trace.h"

#define RING 4096

static void null_and_unreadable_differ(void **state)
{
    struct trace trace;
    struct seen seen;

    (void)state;
    need_bpf();
    trace_open(&trace, RING);
    trace_set_string(&trace, "");
    trace_fire(&trace);
    assert_true(trace_next(&trace, &seen));
    assert_int_equal(seen.size, 1);
    assert_int_equal(seen.head.unreadable, 0);
    trace_set_string(&trace, NULL);
    trace_fire(&trace);
    assert_true(trace_next(&trace, &seen));
    assert_int_equal(seen.size, 0);
    assert_int_equal(seen.head.unreadable, 0);
    trace.registers[REG_SI / 8] = 1;
    trace_fire(&trace);
    assert_true(trace_next(&trace, &seen));
    assert_int_equal(seen.size, 0);
    assert_int_equal(seen.head.unreadable, 1U << 1);
    trace_close(&trace);
}

/* ----------------------------------------------------------------------------- what is lost -- */

static void hits_without_room_are_counted(void **state)
{
    static const size_t string_bytes[] = {256, 600};
    uint64_t hits = 0, lost = 0;
    struct trace trace;
    struct seen seen;

    (void)state;
    need_bpf();
    trace_open(&trace, RING);
    trace_set_string(&trace, "1234567890");
    for (size_t i = 0; i < 2; i++) {
        trace.options.string_bytes = string_bytes[i]; /* on the stack; in the ring */
        for (int j = 0; j < 60; j++)
            trace_fire(&trace);
        while (trace_next(&trace, &seen))
            hits++;
        assert_true(trace_counter(&trace, COUNTER_LOST) > lost);
        lost = trace_counter(&trace, COUNTER_LOST);
    }
    assert_int_equal(hits + lost, 120);
    assert_int_equal(trace_counter(&trace, COUNTER_UNCOUNTED), 0);
    trace_close(&trace);
}

static void hits_without_room_for_their_count_are_counted(void **state)
{
    struct trace trace;

    (void)state;
    need_bpf();
    trace_open(&trace, RING);
    trace.options.mode = TRACE_COUNT;
    trace.probe.by = 0;
    trace.options.counts = bpf_map(BPF_MAP_TYPE_PERCPU_HASH, COUNT_KEY_SIZE(false), 8, 1, 0);
    for (uint64_t i = 0; i < 3; i++) {
        trace.registers[REG_DI / 8] = i;
        trace_fire(&trace);
        trace_fire(&trace);
    }
    assert_int_equal(trace_counter(&trace, COUNTER_UNCOUNTED), 4);
    assert_int_equal(trace_counter(&trace, COUNTER_LOST), 0);
    close(trace.options.counts);
    trace_close(&trace);
}

/* ------------------------------------------------------------------------------- and others -- */

static void ids_are_those_of_a_pid_namespace(void **state)
{
    struct trace trace;
    struct stat namespace;
    struct seen seen;

    (void)state;
    need_bpf();
    trace_open(&trace, RING);
    assert_int_equal(stat("/proc/self/ns/pid", &namespace), 0);
    trace.options.pid_device = namespace.st_dev;
    trace.options.pid_inode = namespace.st_ino;
    trace_fire(&trace);
    assert_true(trace_next(&trace, &seen));
    assert_int_equal(seen.head.pid, getpid());
    assert_int_equal(seen.head.tid, gettid());
    trace.options.pid_inode++; /* this process is in another */
    trace_fire(&trace);
    assert_true(trace_next(&trace, &seen));
    assert_int_equal(seen.head.pid, 0);
    assert_int_equal(seen.head.tid, 0);
    trace_close(&trace);
}

static void the_longest_filters_are_accepted(void **state)
{
    enum { MOST = 7900 };
    static const int kinds[] = {CONDITION_ALL, CONDITION_ANY};
    static struct condition parts[MOST];
    struct condition condition = {.parts = parts, .part_count = MOST};
    struct trace trace;
    struct seen seen;

    (void)state;
    need_bpf();
    trace_open(&trace, RING);
    trace.variant.condition = &condition;
    for (size_t i = 0; i < MOST; i++)
        parts[i] =
            (struct condition){.kind = CONDITION_RANGE, .low = i, .high = i, .argument = i % 2 * 2};
    for (size_t i = 0; i < 2; i++) {
        condition.kind = kinds[i];
        trace.registers[REG_DI / 8] = MOST - 2; /* the last of argument 0 */
        trace_fire(&trace);
        assert_int_equal(trace_next(&trace, &seen), kinds[i] == CONDITION_ANY);
    }
    trace_close(&trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_and_unreadable_differ),
        cmocka_unit_test(hits_without_room_are_counted),
        cmocka_unit_test(hits_without_room_for_their_count_are_counted),
        cmocka_unit_test(ids_are_those_of_a_pid_namespace),
        cmocka_unit_test(the_longest_filters_are_accepted),
    };

    return cmocka_run_group_tests_name("bpf_live", tests, NULL, NULL);
}
