/* SPDX-License-Identifier: MIT */
/*
 * Finds a probe's site as a tracer does: in the stapsdt notes of the mapped file.
 */
#ifndef BENCH_FIND_SITE_H
#define BENCH_FIND_SITE_H

#include <stddef.h>
#include <stdint.h>

struct bench_site {
    char path[64];
    uint64_t offset;                  /* the site's offset in the file */
    uint64_t semaphore;               /* the semaphore's offset; 0: none */
    const volatile uint8_t *code;     /* the site in this process */
    const volatile uint32_t *watched; /* the semaphore in this process; NULL: none */
};

/* Find the only site of provider:probe in `path`. Gives NULL, or an error message. */
const char *bench_site_find(const char *path, const char *provider, const char *probe,
                            struct bench_site *ret);

/* The contents and sizes of the image in `path`. Gives NULL, or an error message. */
struct bench_image {
    uint64_t notes;     /* stapsdt notes */
    uint64_t size;      /* size of the file with its holes */
    uint64_t allocated; /* size of its blocks on the disk */
    uint64_t contents;  /* size of headers and sections, without padding */
};
const char *bench_image_read(const char *path, struct bench_image *ret);

/*
 * The bytes at the site: "nop1 (90)", "int3 (cc)", "call (e8)", "nop5 (0f 1f 44 00 00)" and so on.
 */
const char *bench_site_words(const struct bench_site *site);

#endif
