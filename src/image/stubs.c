/* SPDX-License-Identifier: MIT */
#include "image/stubs.h"

#include <string.h>

size_t rst_stubs_size(const struct rst_arch *arch, enum rst_nop nop, size_t count)
{
    return count * arch->stubs[nop].stride;
}

void rst_stubs_write(const struct rst_arch *arch, enum rst_nop nop, size_t count, uint8_t *text)
{
    const struct rst_stub *stub = &arch->stubs[nop];
    uint8_t first[UINT8_MAX]; /* with the room behind it */

    memcpy(first, stub->code, stub->size);
    for (size_t at = stub->size; at < stub->stride; at++)
        first[at] = arch->filler[(at - stub->size) % arch->filler_size];
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * stub->stride, first, stub->stride);
}
