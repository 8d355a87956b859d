/* SPDX-License-Identifier: MIT */
/*
 * The description that an image is made from, and the constants of every image.
 */
#ifndef RST_SPEC_H
#define RST_SPEC_H

#include <stddef.h>

#include "arch/arch.h"
#include "image/signature.h"

#define RST_BUILD_ID_SIZE 20

/*
 * A semaphore is a cell of 32 bits. The half at the lower address is the 16 bits that the note
 * names and that the kernel raises while a tracer is attached. The other half is librst's own and
 * zero so far. Guards read the whole cell.
 */
#define RST_SEMAPHORE_SIZE 4

/* An image is made from this. */
struct rst_image_spec {
    const struct rst_arch *arch;
    enum rst_nop nop;
    const char *provider;
    const struct rst_description *const *probes;
    size_t count; /* at least 1 */
};

#endif
