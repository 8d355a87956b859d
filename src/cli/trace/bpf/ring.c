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
#include "error.h"

#define HEADER 8
#define BATCH 4096 /* keys to read at once */

/* --------------------------------------------------------------------------------- ring -- */

int ring_map(int fd, size_t size, struct ring *ret)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    void *rest = mmap(NULL, page + size, PROT_READ, MAP_SHARED, fd, (off_t)page);

    *ret = (struct ring){.size = size};
    if (consumer != MAP_FAILED)
        ret->consumer = consumer;
    if (rest != MAP_FAILED) {
        ret->producer = rest;
        ret->bytes = (const uint8_t *)rest + page;
    }
    if (!ret->consumer || !ret->producer)
        return rst_fail_errno(errno, "the ring buffer could not be mapped");
    ret->whole = sure(malloc(size));
    return 0;
}

void ring_unmap(struct ring *ring)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (ring->consumer)
        munmap(ring->consumer, page);
    if (ring->producer)
        munmap((void *)(uintptr_t)ring->producer, page + ring->size);
    free(ring->whole);
}

int bpf_descriptor(const struct bpf *bpf)
{
    return bpf->ring_map;
}

bool bpf_is_empty(const struct bpf *bpf)
{
    return __atomic_load_n(bpf->ring.consumer, __ATOMIC_RELAXED) ==
           __atomic_load_n(bpf->ring.producer, __ATOMIC_ACQUIRE);
}

/* A record's bytes in one piece. */
static const void *record_at(const struct ring *ring, size_t at, size_t size)
{
    size_t first = ring->size - at;

    if (size <= first)
        return ring->bytes + at;
    memcpy(ring->whole, ring->bytes + at, first);
    memcpy((uint8_t *)ring->whole + first, ring->bytes, size - first);
    return ring->whole;
}

void bpf_read(struct bpf *bpf, bpf_take *take, void *context)
{
    const struct ring *ring = &bpf->ring;
    size_t mask = ring->size - 1;
    uint64_t told = *ring->consumer, at = told;
    uint64_t end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);

    while (at < end) {
        const uint32_t *header = (const uint32_t *)(const void *)(ring->bytes + (at & mask));
        uint32_t word = __atomic_load_n(header, __ATOMIC_ACQUIRE);
        uint32_t size = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

        if (word & BPF_RINGBUF_BUSY_BIT)
            break; /* it is being written */
        if (size > ring->size - HEADER)
            break; /* the kernel does not write this */
        if (!(word & BPF_RINGBUF_DISCARD_BIT))
            take(context, record_at(ring, (at + HEADER) & mask, size), size);
        at += (HEADER + size + 7) & ~(uint64_t)7;
        if (at - told >= ring->size / 8) { /* give room back early, but not for each record */
            __atomic_store_n(ring->consumer, at, __ATOMIC_RELEASE);
            told = at;
        }
    }
    if (at != told)
        __atomic_store_n(ring->consumer, at, __ATOMIC_RELEASE);
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

static uint64_t sum(const uint64_t *counts, size_t cpus)
{
    uint64_t all = 0;

    for (size_t i = 0; i < cpus; i++)
        all += counts[i];
    return all;
}

/* Counts by variant. */
static int read_array(struct bpf *bpf, uint64_t *counts, size_t cpus, bpf_take_count *take,
                      void *context)
{
    struct count_key key = {0};

    for (uint32_t i = 0; i < bpf->plan->variant_count; i++) {
        int error = bpf_map_lookup_elem(bpf->count_map, &i, counts);

        if (error < 0)
            return rst_fail_errno(-error, "the counts can't be read");
        key.variant = i;
        take(context, &key, sum(counts, cpus));
    }
    return 0;
}

static int read_hash(struct bpf *bpf, uint8_t *keys, uint64_t *counts, size_t cpus,
                     bpf_take_count *take, void *context)
{
    size_t key_size = COUNT_KEY_SIZE(bpf->string_keys);
    uint64_t cursor = 0;
    int error = 0;

    for (bool begun = false; error == 0; begun = true) {
        uint32_t count = BATCH;

        error = bpf_map_lookup_batch(bpf->count_map, begun ? &cursor : NULL, &cursor, keys, counts,
                                     &count, NULL);
        if (error < 0 && error != -ENOENT) /* this one is the end */
            return rst_fail_errno(-error, "the counts can't be read");
        for (size_t i = 0; i < count; i++) {
            struct count_key key = {0};

            memcpy(&key, keys + i * key_size, key_size);
            take(context, &key, sum(counts + i * cpus, cpus));
        }
    }
    return 0;
}

int bpf_counts(struct bpf *bpf, bpf_take_count *take, void *context)
{
    int cpus = libbpf_num_possible_cpus(); /* the kernel gives a count for each */
    size_t room = bpf->keyed ? BATCH : 1;
    uint64_t *counts;
    uint8_t *keys;
    int error;

    if (cpus < 0)
        return rst_fail_errno(-cpus, "/sys/devices/system/cpu/possible");
    counts = sure(calloc(room * (size_t)cpus, sizeof(*counts)));
    keys = sure(calloc(room, sizeof(struct count_key)));
    error = bpf->keyed ? read_hash(bpf, keys, counts, (size_t)cpus, take, context)
                       : read_array(bpf, counts, (size_t)cpus, take, context);
    free(keys);
    free(counts);
    return error;
}
