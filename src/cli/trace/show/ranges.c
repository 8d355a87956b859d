/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "cli/base/command.h"
#include "cli/base/text.h"
#include "cli/trace/show/names.h"

#define MOST_RANGES (4 << 20)
#define MOST_LOOKED_AT 16 /* ranges may overlap */

void ranges_add(struct ranges *ranges, struct range range)
{
    if (ranges->count < MOST_RANGES)
        APPEND(ranges->list, ranges->count, range);
}

static int compare(const void *left, const void *right)
{
    const struct range *a = left, *b = right;
    int order = compare_numbers(a->start, b->start);

    return order ? order : compare_numbers(a->rank, b->rank);
}

void ranges_sort(struct ranges *ranges)
{
    uint64_t next = UINT64_MAX; /* the start of the range after those at the same address */

    if (ranges->sorted == ranges->count)
        return;
    qsort(ranges->list, ranges->count, sizeof(*ranges->list), compare);
    ranges->sorted = ranges->count;
    for (size_t i = ranges->count; i-- > 0;) {
        struct range *range = &ranges->list[i];

        if (i + 1 < ranges->count && range[1].start > range->start)
            next = range[1].start;
        if (range->end <= range->start)
            range->end = next;
    }
}

const struct range *ranges_find(const struct ranges *ranges, uint64_t address)
{
    const struct range *found = NULL;
    size_t low = 0, high = ranges->sorted; /* how many start at the address, or before it */

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ranges->list[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i > 0 && low - i < MOST_LOOKED_AT; i--) {
        const struct range *range = &ranges->list[i - 1];

        if (address < range->end && (!found || range->rank > found->rank))
            found = range;
    }
    return found;
}
