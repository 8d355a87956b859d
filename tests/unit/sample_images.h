/* SPDX-License-Identifier: MIT */
/*
 * Images to check. Each is made from declarations like a program's, and comes with what it should
 * hold.
 */
#ifndef SAMPLE_IMAGES_H
#define SAMPLE_IMAGES_H

#include "expected_image.h"
#include "image/image.h"

struct declaration {
    const char *name, *signature;
};

/* The declarations of a sample. */
struct declarations {
    const char *provider;
    size_t count;
    const struct declaration *probes;
};

/* Samples with one probe, with two, with one of each type and number of arguments, and others. */
extern const struct declarations sample_table[];
extern const size_t sample_count;

struct made_image {
    struct expected_image expected;
    struct rst_image_spec spec;
    struct rst_image image;
    char *names; /* holds the names of added probes */
};

/*
 * Make an image of `count` probes. If there are fewer declarations, they are repeated with other
 * names. Free it with sample_free(). If librst refuses, gives false and prints the reason on
 * stderr.
 */
bool sample_make(const struct declarations *declarations, size_t count, enum rst_nop nop,
                 struct made_image *ret);
void sample_free(struct made_image *made);

#endif
