/* SPDX-License-Identifier: MIT */
/*
 * Reading the kernel's ring buffer, by a kernel of 64 bits and one of 32, whose numbers begin again
 * at 0 after 4 GiB, with another number right after them. In place of the kernel is this test.
 */
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/trace/bpf/state.h"

#define RING 4096
#define HEADER 8
#define NEIGHBOUR 0x12345678 /* what a 32-bit kernel has after its number */

struct kernel {
    struct bpf bpf;
    uint64_t at; /* how far it has written */
};

static struct kernel kernel_new(bool is_narrow, uint64_t at)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct kernel kernel = {.at = at};

    kernel.bpf.is_narrow = is_narrow;
    kernel.bpf.ring_size = RING;
    kernel.bpf.consumer = calloc(1, page);
    kernel.bpf.producer = calloc(1, page + RING);
    kernel.bpf.whole = malloc(RING);
    assert_true(kernel.bpf.consumer && kernel.bpf.producer && kernel.bpf.whole);
    return kernel;
}

static void kernel_free(struct kernel *kernel)
{
    free(kernel->bpf.consumer);
    free((void *)(uintptr_t)kernel->bpf.producer);
    free(kernel->bpf.whole);
}

static void set_number(const struct kernel *kernel, const void *where, uint64_t number)
{
    const uint32_t halves[] = {(uint32_t)number, NEIGHBOUR};

    memcpy((void *)(uintptr_t)where, kernel->bpf.is_narrow ? (const void *)halves : &number, 8);
}

static uint8_t *place(const struct kernel *kernel, uint64_t at)
{
    return (uint8_t *)(uintptr_t)kernel->bpf.producer + sysconf(_SC_PAGESIZE) + at % RING;
}

/* A record of `size` bytes, which all are `byte`; `flags` are those of its header. */
static void write_record(struct kernel *kernel, uint32_t size, int byte, uint32_t flags)
{
    const uint32_t header = size | flags;

    memcpy(place(kernel, kernel->at), &header, sizeof(header));
    for (uint32_t i = 0; i < size; i++)
        *place(kernel, kernel->at + HEADER + i) = (uint8_t)byte;
    kernel->at += (HEADER + size + 7) / 8 * 8;
    set_number(kernel, kernel->bpf.producer, kernel->at);
}

struct seen {
    size_t count, bytes;
    uint8_t last;
};

static void take(void *context, const void *record, size_t size)
{
    struct seen *seen = context;
    const uint8_t *bytes = record;

    for (size_t i = 1; i < size; i++)
        assert_int_equal(bytes[i], bytes[0]);
    seen->count++;
    seen->bytes += size;
    seen->last = bytes[0];
}

static struct seen read_all(struct kernel *kernel)
{
    struct seen seen = {0};

    bpf_read(&kernel->bpf, take, &seen);
    return seen;
}

/* Many times around the buffer; and for a narrow number, past its end. */
static void reads_round_and_round(bool is_narrow, uint64_t start)
{
    struct kernel kernel = kernel_new(is_narrow, start);
    struct seen seen;

    set_number(&kernel, kernel.bpf.consumer, start);
    set_number(&kernel, kernel.bpf.producer, start);
    assert_true(bpf_is_empty(&kernel.bpf));
    assert_int_equal(read_all(&kernel).count, 0);
    for (int i = 0; i < 1000; i++) {
        write_record(&kernel, 61, i & 0x7f, 0);
        write_record(&kernel, 9, 1, BPF_RINGBUF_DISCARD_BIT);
        write_record(&kernel, 100, (i + 1) & 0x7f, 0);
        assert_false(bpf_is_empty(&kernel.bpf));
        seen = read_all(&kernel);
        assert_int_equal(seen.count, 2);
        assert_int_equal(seen.bytes, 161);
        assert_int_equal(seen.last, (i + 1) & 0x7f);
        assert_true(bpf_is_empty(&kernel.bpf));
    }
    kernel_free(&kernel);
}

static void a_64_bit_kernels(void **state)
{
    (void)state;
    reads_round_and_round(false, 0);
    reads_round_and_round(false, UINT64_C(0x100000000) - 4096);
}

static void a_32_bit_kernels(void **state)
{
    (void)state;
    reads_round_and_round(true, 0);
    reads_round_and_round(true, UINT64_C(0x100000000) - 4096);
}

static void a_record_that_is_being_written_is_left(void **state)
{
    struct kernel kernel = kernel_new(false, 0);

    (void)state;
    write_record(&kernel, 16, 1, 0);
    write_record(&kernel, 16, 2, BPF_RINGBUF_BUSY_BIT);
    write_record(&kernel, 16, 3, 0);
    assert_int_equal(read_all(&kernel).count, 1);
    assert_int_equal(read_all(&kernel).count, 0);
    kernel_free(&kernel);
}

static void numbers_that_no_kernel_writes_are_left(void **state)
{
    (void)state;
    for (int is_narrow = 0; is_narrow < 2; is_narrow++) {
        struct kernel kernel = kernel_new(is_narrow, 0);

        set_number(&kernel, kernel.bpf.producer, RING + 8);
        assert_int_equal(read_all(&kernel).count, 0);
        kernel_free(&kernel);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_64_bit_kernels),
        cmocka_unit_test(a_32_bit_kernels),
        cmocka_unit_test(a_record_that_is_being_written_is_left),
        cmocka_unit_test(numbers_that_no_kernel_writes_are_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
