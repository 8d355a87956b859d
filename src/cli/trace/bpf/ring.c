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

#define HEADER 8
#define BATCH 4096 /* keys to read at once */

/* --------------------------------------------------------------------------------- ring -- */

int bpf_map_ring(struct bpf *bpf)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *first = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, bpf->options.ring, 0);
    void *rest =
        mmap(NULL, page + bpf->ring_size, PROT_READ, MAP_SHARED, bpf->options.ring, (off_t)page);

    bpf->consumer = first == MAP_FAILED ? NULL : first;
    bpf->producer = rest == MAP_FAILED ? NULL : rest;
    bpf->whole = sure(malloc(bpf->ring_size));
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

bool bpf_is_empty(const struct bpf *bpf)
{
    return __atomic_load_n(bpf->consumer, __ATOMIC_RELAXED) ==
           __atomic_load_n(bpf->producer, __ATOMIC_ACQUIRE);
}

void bpf_read(struct bpf *bpf, bpf_take *take, void *context)
{
    const uint8_t *ring = (const uint8_t *)bpf->producer + sysconf(_SC_PAGESIZE);
    uint64_t told = *bpf->consumer, at = told;
    uint64_t end = __atomic_load_n(bpf->producer, __ATOMIC_ACQUIRE);

    while (at < end) {
        const uint8_t *here = ring + (at & (bpf->ring_size - 1));
        const uint8_t *bytes = here + HEADER == ring + bpf->ring_size ? ring : here + HEADER;
        size_t size = __atomic_load_n((const uint32_t *)(const void *)here, __ATOMIC_ACQUIRE);
        size_t room = (size_t)(ring + bpf->ring_size - bytes);
        bool discarded = size & BPF_RINGBUF_DISCARD_BIT;

        if (size & BPF_RINGBUF_BUSY_BIT)
            break; /* it is being written */
        size &= ~(size_t)BPF_RINGBUF_DISCARD_BIT;
        if (size > bpf->ring_size - HEADER)
            break;         /* the kernel does not write this */
        if (size > room) { /* in one piece */
            memcpy(bpf->whole, bytes, room);
            memcpy((uint8_t *)bpf->whole + room, ring, size - room);
            bytes = bpf->whole;
        }
        if (!discarded)
            take(context, bytes, size);
        at += (HEADER + size + 7) & ~(uint64_t)7;
        if (at - told >= bpf->ring_size / 8) { /* give room back early, but not for each record */
            __atomic_store_n(bpf->consumer, at, __ATOMIC_RELEASE);
            told = at;
        }
    }
    if (at != told)
        __atomic_store_n(bpf->consumer, at, __ATOMIC_RELEASE);
}

/* ------------------------------------------------------------------------------- counts -- */

uint64_t bpf_lost(const struct bpf *bpf)
{
    return __atomic_load_n(&bpf->counters[COUNTER_LOST], __ATOMIC_RELAXED);
}

uint64_t bpf_uncounted(const struct bpf *bpf)
{
    return __atomic_load_n(&bpf->counters[COUNTER_UNCOUNTED], __ATOMIC_RELAXED);
}

/*
 * Read counts into rows of one for each CPU, and their keys. Without keys there is a count for each
 * variant, whose number is where a key begins. Gives whether there are more, or a negative errno.
 */
static int read_some(const struct bpf *bpf, bool first, uint64_t *cursor, void *keys,
                     uint64_t *counts, uint32_t *ret_count)
{
    uint32_t variant = first ? 0 : (uint32_t)*cursor;
    int error;

    *ret_count = bpf->keyed ? BATCH : 1;
    if (bpf->keyed) {
        error = bpf_map_lookup_batch(bpf->options.counts, first ? NULL : cursor, cursor, keys,
                                     counts, ret_count, NULL);
        return error == -ENOENT ? 0 : error < 0 ? error : 1;
    }
    memcpy(keys, &variant, sizeof(variant));
    error = bpf_map_lookup_elem(bpf->options.counts, &variant, counts);
    *cursor = variant + 1;
    return error < 0 ? error : *cursor < bpf->plan->variant_count;
}

int bpf_counts(struct bpf *bpf, bpf_take_count *take, void *context)
{
    size_t cpus = 0,
           key_size = bpf->keyed ? COUNT_KEY_SIZE(bpf->options.string_keys) : sizeof(uint32_t);
    int possible = libbpf_num_possible_cpus(), more = 1;
    uint64_t cursor = 0, *counts;
    uint8_t *keys;

    if (possible < 0)
        return rst_fail_errno(-possible, "/sys/devices/system/cpu/possible");
    cpus = (size_t)possible; /* the kernel gives a count for each */
    counts = sure(calloc((bpf->keyed ? BATCH : 1) * cpus, sizeof(*counts)));
    keys = sure(calloc(bpf->keyed ? BATCH : 1, sizeof(struct count_key)));
    for (bool first = true; more > 0; first = false) {
        uint32_t count;

        more = read_some(bpf, first, &cursor, keys, counts, &count);
        for (size_t i = 0; more >= 0 && i < count; i++) {
            struct count_key key = {0};
            uint64_t sum = 0;

            memcpy(&key, keys + i * key_size, key_size);
            for (size_t cpu = 0; cpu < cpus; cpu++)
                sum += counts[i * cpus + cpu];
            take(context, &key, sum);
        }
    }
    free(keys);
    free(counts);
    return more < 0 ? rst_fail_errno(-more, "the counts can't be read") : 0;
}
