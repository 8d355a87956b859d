/* SPDX-License-Identifier: MIT */
/*
 * The stubs: the functions that hold the sites, one a probe.
 */
#ifndef RST_STUBS_H
#define RST_STUBS_H

#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"

/* The size of the stubs of `count` probes, and the stubs themselves, as they are in the image. */
size_t rst_stubs_size(const struct rst_arch *arch, enum rst_nop nop, size_t count);
void rst_stubs_write(const struct rst_arch *arch, enum rst_nop nop, size_t count, uint8_t *text);

#endif
