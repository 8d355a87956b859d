/* SPDX-License-Identifier: MIT */
/* Arrays of items that are sorted by their first member, a uint64_t: an address. */
#ifndef CLI_TRACE_ADDRESSES_H
#define CLI_TRACE_ADDRESSES_H

#include <stddef.h>
#include <stdint.h>

/* For qsort(). */
static inline int addresses_compare(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

/* How many items begin at the address or before. */
static inline size_t addresses_count(const void *items, size_t count, size_t size, uint64_t address)
{
    size_t low = 0;

    while (low < count) {
        size_t middle = low + (count - low) / 2;

        if (*(const uint64_t *)(const void *)((const char *)items + middle * size) <= address)
            low = middle + 1;
        else
            count = middle;
    }
    return low;
}

#define ADDRESSES_COUNT(list, count, address)                                                      \
    addresses_count((list), (count), sizeof(*(list)), (address))

#endif
