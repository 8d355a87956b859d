/* SPDX-License-Identifier: MIT */
#include "runtime/resident.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ /* Linux 5.14; glibc 2.35 */
#define MADV_POPULATE_READ 22
#endif

/*
 * The system call costs as much as a hit does, so pages are remembered: a table of the pages that
 * were made resident, each with how many fires may still rely on it. It is one table, but where a
 * page has its place in it depends on the thread, so that threads that fire the same literal seldom
 * contend for one. A place that another thread overwrites costs a system call.
 *
 * A page can be dropped, or another file be mapped there, while it is remembered. Then the next
 * fires, fewer than TRUST, show as they would without all this.
 */
#define PLACES 4096
#define TRUST 64

/* A text that begins so close to its page's end may run over: newer bpftraces read as much. */
#define NEAR_END 1024

#define PAGE ((uint64_t)4096) /* the smallest of any CPU: what is in the low bits of a place */

static uint64_t places[PLACES]; /* an address of a page, plus how many fires rely on it */
static bool used;

static uint64_t *place_of(uint64_t page)
{
    uint64_t key = page / PAGE ^ (uint64_t)pthread_self() >> 6;

    return &places[key * 0x9e3779b97f4a7c15 >> 52];
}

_Static_assert(PLACES == 1 << (64 - 52), "place_of() gives each place");

/* Before Linux 5.14: reading one's own memory by a system call makes it resident, too. */
static void read_byte_of(uint64_t page)
{
    char byte;
    const struct iovec here = {&byte, 1}, there = {(void *)(uintptr_t)page, 1};

    process_vm_readv(getpid(), &here, 1, &there, 1, 0);
}

__attribute__((noinline)) static void populate(uint64_t page)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    uint64_t start = page & ~(uint64_t)(size - 1);
    int error = errno;

    if (madvise((void *)(uintptr_t)start, size, MADV_POPULATE_READ) < 0 && errno == EINVAL)
        read_byte_of(start);
    errno = error;
}

static void make_resident(uint64_t page)
{
    uint64_t *place = place_of(page), known = __atomic_load_n(place, __ATOMIC_RELAXED);

    if (known > page && known < page + PAGE) {
        __atomic_store_n(place, known - 1, __ATOMIC_RELAXED);
        return;
    }
    populate(page);
    __atomic_store_n(place, page + TRUST - 1, __ATOMIC_RELAXED);
    __atomic_store_n(&used, true, __ATOMIC_RELAXED);
}

void rst_resident_make(uint64_t address)
{
    uint64_t page = address & ~(PAGE - 1);

    if (page == 0) /* NULL, most often; nothing can be mapped there */
        return;
    make_resident(page);
    if (address - page > PAGE - NEAR_END && page + PAGE != 0)
        make_resident(page + PAGE);
}

void rst_resident_forked_child(void)
{
    if (used)
        memset(places, 0, sizeof(places));
    used = false;
}
