/* SPDX-License-Identifier: MIT */
/*
 * What an image is made from, and what is fixed about it.
 */
#ifndef RST_SPEC_H
#define RST_SPEC_H

#include <stddef.h>

#include "arch/arch.h"
#include "image/signature.h"

#define RST_BUILD_ID_SIZE 20

/*
 * A semaphore is a cell of 32 bits. Its half at the lower address is what the note names: the
 * kernel counts tracers in it, in 16 bits. The other half is librst's own, zero so far. Guards read
 * all of it.
 */
#define RST_SEMAPHORE_SIZE 4

/* What the image is made from. */
struct rst_image_spec {
    const struct rst_arch *arch;
    enum rst_nop nop;
    const char *provider;
    const struct rst_description *const *probes;
    size_t count; /* at least 1 */
};

#endif
