/* SPDX-License-Identifier: MIT */
/*
 * Replacing memory in place, so that whatever fails leaves no hole: another thread may be about to
 * run what was there.
 *
 * mremap(2) with MREMAP_FIXED, like mmap(2) with MAP_FIXED before Linux 6.12, unmaps its target
 * first, and may fail after that: where memory is merged (PR_SET_MEMORY_MERGE in prctl(2)) because
 * a signal came, and where the kernel is strict about memory that it has promised.
 */
#ifndef RST_SWAP_H
#define RST_SWAP_H

#include <stddef.h>
#include <stdint.h>

#include "backing/descriptor.h"

/* What is to be replaced. */
struct rst_swap {
    uint8_t *at;
    size_t size;
    int protection;
    const struct rst_descriptor *file; /* the backing, and where in it this part is; or NULL */
    uint64_t offset;
};

/* Memory to write a copy to, which rst_swap_move() takes. Gives NULL and errno on failure. */
uint8_t *rst_swap_room(size_t size);

/*
 * Move the copy there, by one system call: another thread sees the old or the new. Gives 0 or a
 * negative errno; then the copy is still the caller's, and there is what was there, or the
 * backing's, or the copy's.
 */
int rst_swap_move(const struct rst_swap *swap, uint8_t *copy);

#endif
