/* SPDX-License-Identifier: MIT */
/*
 * Finding a probe's site as a tracer does: from the stapsdt notes of the file that is mapped.
 */
#ifndef BENCH_FIND_SITE_H
#define BENCH_FIND_SITE_H

#include <stddef.h>
#include <stdint.h>

struct bench_site {
    char path[64];
    uint64_t offset;                  /* of the site, in the file */
    uint64_t semaphore;               /* likewise; 0: there is none */
    const volatile uint8_t *code;     /* the site in this process */
    const volatile uint32_t *watched; /* the semaphore in this process; NULL: there is none */
};

/* Find the one site of provider:probe in `path`. Gives NULL, or what is wrong. */
const char *bench_site_find(const char *path, const char *provider, const char *probe,
                            struct bench_site *ret);

/* What the image in `path` has and weighs. Gives NULL, or what is wrong. */
struct bench_image {
    uint64_t notes;     /* stapsdt notes */
    uint64_t size;      /* the file's, holes included */
    uint64_t allocated; /* the blocks that it takes */
    uint64_t contents;  /* headers and sections: what is not padding */
};
const char *bench_image_read(const char *path, struct bench_image *ret);

/* The bytes at the site, in words: "nop1 (90)", "int3 (cc)", "call (e8)", "nop5 (0f 1f 44 00 00)"
 */
const char *bench_site_words(const struct bench_site *site);

#endif
