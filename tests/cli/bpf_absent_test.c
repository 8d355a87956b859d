/* SPDX-License-Identifier: MIT */
/*
 * The programs of `rst trace` read memory that is not resident, if they can sleep; else they say
 * that it is unreadable.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf_trace.h"
#include "support/tracer.h"

#define PAGE ((size_t)4096)

/*
 * A string across two pages of a file, or three, with so much before the second; none is mapped
 * yet. Each page is a mapping of its own, with a gap in the file, so that to touch one does not
 * bring the next.
 */
struct absent {
    char *pages, *text;
};

/* `size` is with the NUL. */
static struct absent absent_text(size_t size, size_t before)
{
    struct absent absent;
    int file = memfd_create("absent", MFD_CLOEXEC);
    size_t start = PAGE - before;

    absent.pages = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    absent.text = absent.pages + start;
    assert_true(file >= 0 && absent.pages != MAP_FAILED);
    assert_int_equal(ftruncate(file, 6 * (off_t)PAGE), 0);
    for (size_t i = 0; i < 3; i++)
        assert_ptr_equal(mmap(absent.pages + i * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED,
                              file, 2 * (off_t)(i * PAGE)),
                         absent.pages + i * PAGE);
    for (size_t at = start; at < start + size - 1; at++)
        assert_int_equal(pwrite(file, "t", 1, (off_t)(at / PAGE * 2 * PAGE + at % PAGE)), 1);
    close(file);
    return absent;
}

static void drop(const struct absent *absent)
{
    assert_int_equal(madvise(absent->pages, 3 * PAGE, MADV_DONTNEED), 0);
}

static void unmap(const struct absent *absent)
{
    munmap(absent->pages, 3 * PAGE);
}

static void need_sleepable(void)
{
    need_bpf();
    need(bpf_has_sleepable(), "programs at a uprobe can't sleep before Linux 6.0");
}

static void absent_memory_is_unreadable_to_a_program_that_does_not_sleep(void **state)
{
    struct absent absent = absent_text(20, 5);
    struct trace trace;
    struct seen seen;

    (void)state;
    need_bpf();
    trace_open(&trace, PAGE);
    trace_set_string(&trace, absent.text);
    trace.variant.values[2] = value_in_memory(VALUE_INTEGER, 4, true, REG_SI, 0);
    trace_fire(&trace);
    assert_true(trace_next(&trace, &seen));
    assert_int_equal(seen.size, 0);
    assert_int_equal(seen.head.unreadable, 1U << 1 | 1U << 2);
    unmap(&absent);
    trace_close(&trace);
}

/* On the BPF stack, or in the ring; across two pages, or three. */
static void check_absent(size_t string_bytes, size_t size)
{
    struct absent absent = absent_text(size, size > PAGE ? 1 : 5);
    struct trace trace;
    struct seen seen;

    trace_open(&trace, 4 * PAGE);
    trace.options.sleepable = true;
    trace.options.string_bytes = string_bytes;
    trace_set_string(&trace, absent.text);
    trace_fire(&trace);
    assert_true(trace_next(&trace, &seen));
    assert_int_equal(seen.head.unreadable, 0);
    assert_int_equal(seen.size, size < string_bytes + 2 ? size : string_bytes + 2);
    assert_memory_equal(seen.string, absent.text, seen.size - 1);
    assert_int_equal(seen.string[seen.size - 1], 0);
    assert_false(trace_next(&trace, &seen));
    unmap(&absent);
    trace_close(&trace);
}

static void absent_memory_is_read_by_a_program_that_sleeps(void **state)
{
    struct absent absent = absent_text(20, 5);
    struct trace trace;
    struct seen seen;

    (void)state;
    need_sleepable();
    check_absent(256, 20);
    check_absent(TRACE_MOST_STRING_BYTES, 20);
    check_absent(TRACE_MOST_STRING_BYTES, PAGE + 1);
    check_absent(TRACE_MOST_STRING_BYTES, PAGE + 2);
    check_absent(TRACE_MOST_STRING_BYTES, PAGE + 3);
    trace_open(&trace, PAGE); /* a number, of the string's bytes */
    trace.options.sleepable = true;
    trace.variant.values[2] = value_in_memory(VALUE_INTEGER, 8, false, REG_SI, 0);
    trace.registers[REG_SI / 8] = (uintptr_t)absent.text;
    trace_fire(&trace);
    assert_true(trace_next(&trace, &seen));
    assert_int_equal(seen.head.unreadable, 0);
    unmap(&absent);
    trace_close(&trace);
}

static void a_filter_reads_absent_memory(void **state)
{
    struct absent absent = absent_text(200, 150);
    char wanted[200];
    struct condition condition = {
        .kind = CONDITION_TEXT, .argument = 1, .text = wanted, .text_size = sizeof(wanted) - 1};
    struct trace trace;
    struct seen seen;

    (void)state;
    need_sleepable();
    memset(wanted, 't', sizeof(wanted));
    trace_open(&trace, PAGE);
    trace.variant.condition = &condition;
    trace_set_string(&trace, absent.text);
    for (int negated = 0; negated < 2; negated++) {
        condition.negated = negated;
        trace.options.sleepable = false;
        drop(&absent);
        trace_fire(&trace);
        assert_false(trace_next(&trace, &seen)); /* unreadable, whatever is asked */
        trace.options.sleepable = true;
        trace_fire(&trace);
        assert_int_equal(trace_next(&trace, &seen), !negated);
    }
    unmap(&absent);
    trace_close(&trace);
}

/* A key is read, too. */
static void a_count_by_absent_memory_has_its_text(void **state)
{
    struct absent absent = absent_text(20, 5);
    struct count_key key = {.size = 19};
    struct trace trace;
    static uint64_t counts[8192]; /* one for each CPU that is possible */

    (void)state;
    need_sleepable();
    trace_open(&trace, PAGE);
    trace.options.mode = TRACE_COUNT;
    trace.options.sleepable = trace.options.string_keys = true;
    trace.options.counts = bpf_map(BPF_MAP_TYPE_PERCPU_HASH, COUNT_KEY_SIZE(true), 8, 10, 0);
    trace.probe.by = 1;
    trace_set_string(&trace, absent.text);
    trace_fire(&trace);
    memset(key.by.text, 't', 19);
    assert_true(bpf_lookup(trace.options.counts, &key, counts));
    close(trace.options.counts);
    unmap(&absent);
    trace_close(&trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_memory_is_unreadable_to_a_program_that_does_not_sleep),
        cmocka_unit_test(absent_memory_is_read_by_a_program_that_sleeps),
        cmocka_unit_test(a_filter_reads_absent_memory),
        cmocka_unit_test(a_count_by_absent_memory_has_its_text),
    };

    return cmocka_run_group_tests_name("bpf_absent", tests, NULL, NULL);
}
