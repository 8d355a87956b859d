/* SPDX-License-Identifier: MIT */
/*
 * Reads what the kernel gives: the ring buffer's records, and the counts.
 *
 * The ring buffer is two pages, in which reader and kernel write how far they are, and the records
 * after that, each with a header of 8 bytes. libbpf maps these twice in a row, so that a record
 * never wraps around the end; then they count twice as memory of rst. Here they are mapped once,
 * and the one record that wraps is put together.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/trace/bpf/state.h"
#include "cli/usdt/context.h"

#define HEADER 8
#define BATCH 1024 /* keys to read at once */

int bpf_map_ring(struct bpf *bpf)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *first = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, bpf->options.ring, 0);
    void *rest =
        mmap(NULL, page + bpf->ring_size, PROT_READ, MAP_SHARED, bpf->options.ring, (off_t)page);

    bpf->consumer = first == MAP_FAILED ? NULL : first;
    bpf->producer = rest == MAP_FAILED ? NULL : rest;
    bpf->whole = sure(malloc(bpf->ring_size));
    bpf->is_narrow = !context_kernel()->is_64_bit;
    return bpf->consumer && bpf->producer
               ? 0
               : rst_fail_errno(errno, "the ring buffer could not be mapped");
}

void bpf_unmap_ring(struct bpf *bpf)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (bpf->consumer)
        munmap(bpf->consumer, page);
    if (bpf->producer)
        munmap((void *)(uintptr_t)bpf->producer, page + bpf->ring_size);
    free(bpf->whole);
}

int bpf_descriptor(const struct bpf *bpf)
{
    return bpf->options.ring;
}

/* How far one of them is: a number of bytes, which grows until it begins again at 0. */
static uint64_t position(const struct bpf *bpf, const void *number)
{
    return bpf->is_narrow ? __atomic_load_n((const uint32_t *)number, __ATOMIC_ACQUIRE)
                          : __atomic_load_n((const uint64_t *)number, __ATOMIC_ACQUIRE);
}

static void give_back(struct bpf *bpf, uint64_t at)
{
    if (bpf->is_narrow)
        __atomic_store_n((uint32_t *)bpf->consumer, (uint32_t)at, __ATOMIC_RELEASE);
    else
        __atomic_store_n((uint64_t *)bpf->consumer, at, __ATOMIC_RELEASE);
}

/* How many bytes there are to read. More than the buffer has are none that the kernel writes. */
static size_t bytes_left(const struct bpf *bpf, uint64_t at, uint64_t end)
{
    uint64_t left = bpf->is_narrow ? (uint32_t)(end - at) : end - at;

    return left <= bpf->ring_size ? (size_t)left : 0;
}

bool bpf_is_empty(const struct bpf *bpf)
{
    return position(bpf, bpf->consumer) == position(bpf, bpf->producer);
}

void bpf_read(struct bpf *bpf, bpf_take *take, void *context)
{
    const uint8_t *ring = (const uint8_t *)bpf->producer + sysconf(_SC_PAGESIZE);
    uint64_t told = position(bpf, bpf->consumer), at = told;
    uint64_t end = position(bpf, bpf->producer);

    while (bytes_left(bpf, at, end) > 0) {
        const uint8_t *here = ring + (at & (bpf->ring_size - 1));
        const uint8_t *bytes = here + HEADER == ring + bpf->ring_size ? ring : here + HEADER;
        size_t header = __atomic_load_n((const uint32_t *)(const void *)here, __ATOMIC_ACQUIRE);
        size_t size = header & ~(size_t)BPF_RINGBUF_DISCARD_BIT;
        size_t room = (size_t)(ring + bpf->ring_size - bytes);

        /* It is being written; or of a size that the kernel does not write. */
        if (header & BPF_RINGBUF_BUSY_BIT || size > bpf->ring_size - HEADER)
            break;
        if (size > room) { /* in one piece */
            memcpy(bpf->whole, bytes, room);
            memcpy((uint8_t *)bpf->whole + room, ring, size - room);
            bytes = bpf->whole;
        }
        if (size == header)
            take(context, bytes, size);
        at += (HEADER + size + 7) & ~(uint64_t)7;
        if (at - told >= bpf->ring_size / 8) { /* give room back early, but not for each record */
            give_back(bpf, at);
            told = at;
        }
    }
    give_back(bpf, at);
}

uint64_t bpf_lost(const struct bpf *bpf)
{
    return __atomic_load_n(&bpf->counters[COUNTER_LOST], __ATOMIC_RELAXED);
}

uint64_t bpf_crowded(const struct bpf *bpf)
{
    return __atomic_load_n(&bpf->counters[COUNTER_CROWDED], __ATOMIC_RELAXED);
}

uint64_t bpf_uncounted(const struct bpf *bpf)
{
    return __atomic_load_n(&bpf->counters[COUNTER_UNCOUNTED], __ATOMIC_RELAXED);
}

struct counts {
    struct bpf *bpf;
    bpf_take_count *take;
    void *context;
    size_t cpus, key_size, value_size;
};

/* Hand over a key with what each CPU has. */
static void hand_over(const struct counts *counts, const uint8_t *key_bytes, const uint8_t *values)
{
    struct count_key key = {0};
    struct count_sum sum = {0};

    memcpy(&key, key_bytes, counts->key_size);
    for (size_t cpu = 0; cpu < counts->cpus; cpu++) {
        struct count_value value = {0};

        memcpy(&value, values + cpu * counts->value_size, counts->value_size);
        sum.count += value.count;
        sum.magnitudes += value.low_halves + ((wide)value.high_halves << 32);
        sum.highest = value.highest > sum.highest ? value.highest : sum.highest;
    }
    counts->take(counts->context, &key, &sum);
}

static int read_array(const struct counts *counts, uint8_t *values)
{
    const size_t variants = counts->bpf->plan->variant_count;
    int error = 0;

    for (uint32_t i = 0; i < variants && error == 0; i++) {
        error = bpf_map_lookup_elem(counts->bpf->options.counts, &i, values);
        if (error == 0)
            hand_over(counts, (const uint8_t *)&i, values);
    }
    return error;
}

static int read_hash(const struct counts *counts, uint8_t *keys, uint8_t *values)
{
    uint64_t cursor;
    int error = 0;

    for (bool first = true; error == 0; first = false) {
        uint32_t count = BATCH;

        error = bpf_map_lookup_batch(counts->bpf->options.counts, first ? NULL : &cursor, &cursor,
                                     keys, values, &count, NULL);
        for (size_t i = 0; (error == 0 || error == -ENOENT) && i < count; i++)
            hand_over(counts, keys + i * counts->key_size,
                      values + i * counts->cpus * counts->value_size);
    }
    return error == -ENOENT ? 0 : error; /* these were the last ones */
}

int bpf_counts(struct bpf *bpf, bpf_take_count *take, void *context)
{
    int cpus = libbpf_num_possible_cpus(), error; /* the kernel gives a value for each */
    struct counts counts = {bpf, take, context, .key_size = sizeof(uint32_t)};
    size_t rows = bpf->keyed ? BATCH : 1;
    uint8_t *keys, *values;

    if (cpus < 0)
        return rst_fail_errno(-cpus, "/sys/devices/system/cpu/possible");
    counts.cpus = (size_t)cpus;
    counts.value_size = COUNT_VALUE_SIZE(bpf->options.mode);
    if (bpf->keyed)
        counts.key_size = COUNT_KEY_SIZE(bpf->options.string_keys);
    keys = sure(calloc(rows, counts.key_size));
    values = sure(calloc(rows * counts.cpus, counts.value_size));
    error = bpf->keyed ? read_hash(&counts, keys, values) : read_array(&counts, values);
    free(keys);
    free(values);
    return error < 0 ? rst_fail_errno(-error, "the counts can't be read") : 0;
}
