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

    for (size_t i = 0; i < count; i++) {
        uint8_t *at = text + i * stub->stride, *end = at + stub->stride;

        memcpy(at, stub->code, stub->size);
        for (at += stub->size; at < end; at += arch->filler_size)
            memcpy(at, arch->filler, arch->filler_size);
    }
}
