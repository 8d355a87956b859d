/* SPDX-License-Identifier: MIT */
/*
 * Images to check, made from what a program would declare, each with what it should hold.
 */
#ifndef SAMPLE_IMAGES_H
#define SAMPLE_IMAGES_H

#include "expected_image.h"
#include "image/image.h"

struct declaration {
    const char *name, *signature;
};

/* What a sample declares. */
struct declarations {
    const char *provider;
    size_t count;
    const struct declaration *probes;
};

/* One probe; two; one of each type and arity; and so on: `sample_count` rows. */
extern const struct declarations sample_table[];
extern const size_t sample_count;

struct made_image {
    struct expected_image expected;
    struct rst_image_spec spec;
    struct rst_image image;
    char *names; /* those that are made up */
};

/*
 * Make the image of declarations, with `count` probes: those beyond the declared ones are the same
 * again by other names. The made image is to be freed with sample_free(). Gives false and says why
 * on stderr if librst refuses.
 */
bool sample_make(const struct declarations *declarations, size_t count, enum rst_nop nop,
                 struct made_image *ret);
void sample_free(struct made_image *made);

#endif
