/* SPDX-License-Identifier: MIT */
#include "runtime/swap.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MAP_FIXED_NOREPLACE /* Linux 4.17; before that, the address is but a wish */
#define MAP_FIXED_NOREPLACE 0x100000
#endif

uint8_t *rst_swap_room(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    /* Before mremap(2) moves what may have been merged, it takes it apart, which signals
     * interrupt. */
    while (madvise(memory, size, MADV_UNMERGEABLE) < 0 && errno == EINTR)
        ;
    return memory;
}

/* Map something where nothing is. Gives whether it was done; not, where there is something. */
static bool map_hole(const struct rst_swap *swap, int protection, int flags, int fd)
{
    void *memory = mmap(swap->at, swap->size, protection, MAP_PRIVATE | MAP_FIXED_NOREPLACE | flags,
                        fd, fd < 0 ? 0 : (off_t)swap->offset);

    if (memory == swap->at)
        return true;
    if (memory != MAP_FAILED)
        munmap(memory, swap->size);
    return false;
}

/* The backing's is best: it comes by one system call, ready to run. */
static void fill_hole(const struct rst_swap *swap, const uint8_t *copy)
{
    if (swap->file && rst_descriptor_is_ours(swap->file) &&
        map_hole(swap, swap->protection, 0, swap->file->fd))
        return;
    if (!map_hole(swap, PROT_READ | PROT_WRITE, MAP_ANONYMOUS, -1))
        return;
    memcpy(swap->at, copy, swap->size);
    mprotect(swap->at, swap->size, swap->protection);
}

int rst_swap_move(const struct rst_swap *swap, uint8_t *copy)
{
    void *moved;
    int error;

    do
        moved =
            mremap(copy, swap->size, swap->size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)swap->at);
    while (moved == MAP_FAILED && errno == EINTR);
    if (moved != MAP_FAILED)
        return 0;
    error = errno;
    fill_hole(swap, copy);
    return -error;
}
