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

/* The kinds of images: x86_64's, one for each enum rst_nop; then one for each other CPU. */
struct sample_kind {
    const struct rst_arch *arch;
    enum rst_nop nop;
};

extern const struct sample_kind sample_kinds[];
extern const size_t sample_kind_count;

/* Write "x86_64, nop5" into `ret`, for messages. */
const char *sample_kind_name(const struct sample_kind *kind, char ret[32]);

/*
 * Make an image of `count` probes. If there are fewer declarations, they are repeated with other
 * names. Free it with sample_free(). If librst refuses, gives false and prints the reason on
 * stderr.
 */
bool sample_make(const struct declarations *declarations, size_t count,
                 const struct sample_kind *kind, struct made_image *ret);
void sample_free(struct made_image *made);

#endif
