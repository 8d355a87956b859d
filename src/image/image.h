/* SPDX-License-Identifier: MIT */
/*
 * The image: an ELF shared object with the stubs, the semaphores and the notes of some probes. This
 * code is pure: the same probes give the same bytes, on any machine.
 */
#ifndef RST_IMAGE_H
#define RST_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "image/spec.h"

/*
 * Where the loaded parts of the image are: offsets in the image, which are also the distances from
 * the address at which it is loaded. Each part begins on a page of its own, whatever the CPU's page
 * size.
 */
struct rst_map {
    size_t readable; /* the size of the read-only part, which starts at offset 0 */
    size_t build_id; /* RST_BUILD_ID_SIZE bytes within the read-only part */
    size_t text;     /* the stubs, one every `stride` bytes */
    size_t dynamic, dynamic_size;
    size_t semaphores; /* RST_SEMAPHORE_SIZE bytes each */
    size_t end;        /* where the semaphores end */
};

struct rst_image {
    uint8_t *bytes; /* free() it */
    size_t size;
    struct rst_map map;
};

/* Whether all bytes are zero. Most of an image is. */
static inline bool rst_is_zero(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* Gives 0, -ENOMEM or -EFBIG; `ret` is untouched on failure. */
int rst_image_make(const struct rst_image_spec *spec, struct rst_image *ret);

#endif
