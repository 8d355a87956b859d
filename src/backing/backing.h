/* SPDX-License-Identifier: MIT */
/*
 * The choice of a backing, by the program and the environment.
 */
#ifndef RST_BACKING_H
#define RST_BACKING_H

#include "backing/kind.h"

/* What a program asks for. */
struct rst_backing_choice {
    int backing;           /* RST_BACKING_AUTO and so on */
    const char *directory; /* of the file backing, NULL for the default */
};

/* What RST_BACKING says, else what the program said. Gives 0 or -EINVAL; then `choice` is as it
 * was. The directory is the environment's or the program's own string. */
int rst_backing_choose(struct rst_backing_choice *choice);

/* The kinds to try, in this order; NULL ends them. */
const struct rst_backing_operations *const *rst_backing_kinds(int backing);

/* The path to load it by; and, after that, let go of what that took. */
const char *rst_backing_load_path(const struct rst_backing *backing);
void rst_backing_loaded(struct rst_backing *backing);

/*
 * Map bytes at an address, to be executed, from another file of the kind, which is not an image and
 * has no name and no descriptor afterwards. Gives 0 or a negative errno.
 */
int rst_backing_map_copy(const struct rst_backing *backing, const struct rst_image *copy, void *at);

/* Hide it, and hold the inode of what the dynamic linker has read beyond the release and for good:
 * no other file gets its number. */
void rst_backing_keep_inode(struct rst_backing *backing);

/* Close, remove and free what `backing` holds. */
void rst_backing_release(struct rst_backing *backing);

#endif
