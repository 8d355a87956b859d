/* SPDX-License-Identifier: MIT */
/*
 * The image: an ELF shared object that holds the stubs, the semaphores and the notes of some
 * probes. Pure: the same probes give the same bytes, on any machine.
 */
#ifndef RST_IMAGE_H
#define RST_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "image/spec.h"

/*
 * Where the image's loaded parts are, by offset in it, which is also the address from where it is
 * loaded. Each begins on a page that no other has a part of, whatever the CPU's page size.
 */
struct rst_map {
    uint64_t readable; /* what is only read: its size; its offset is 0 */
    uint64_t build_id; /* in that: RST_BUILD_ID_SIZE bytes */
    uint64_t text;     /* the stubs, one every `stride` bytes */
    uint64_t dynamic, dynamic_size;
    uint64_t semaphores; /* RST_SEMAPHORE_SIZE bytes each */
    uint64_t end;        /* of the semaphores */
};

struct rst_image {
    uint8_t *bytes; /* free() it */
    size_t size;
    struct rst_map map;
};

/* Whether bytes, of which an image has few that are not, are all zero. */
static inline bool rst_is_zero(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* Gives 0, -ENOMEM or -EFBIG; `ret` is untouched on failure. */
int rst_image_make(const struct rst_image_spec *spec, struct rst_image *ret);

#endif
