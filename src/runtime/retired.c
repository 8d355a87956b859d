/* SPDX-License-Identifier: MIT */
#include "runtime/retired.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/writer.h"
#include "runtime/swap.h"

int rst_retire(uint8_t *base, const struct rst_map *map)
{
    size_t size = (size_t)rst_align(map->end, (uint64_t)sysconf(_SC_PAGESIZE));
    const struct rst_swap swap = {.at = base, .size = size, .protection = PROT_READ};
    uint8_t *copy = rst_swap_room(size);
    int error;

    if (!copy)
        return -errno;
    memcpy(copy, base, map->readable);
    memcpy(copy + map->dynamic, base + map->dynamic, map->dynamic_size);
    error = mprotect(copy, size, PROT_READ) < 0 ? -errno : rst_swap_move(&swap, copy);
    if (error < 0)
        munmap(copy, size);
    return error;
}
