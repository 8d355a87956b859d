/* SPDX-License-Identifier: MIT */
/*
 * A backing: the open file that holds an image while it is loaded, and its path for tracers. And
 * what each kind of backing can do.
 *
 *     memfd   /proc/PID/fd/N, sealed. The descriptor must stay open: tracers find the image by it.
 *     file    DIRECTORY/librst-UID/PROVIDER.PID.TOKEN-N.so, there while loaded.
 */
#ifndef RST_KIND_H
#define RST_KIND_H

#include <stdbool.h>

#include "backing/descriptor.h"
#include "image/image.h"

/*
 * A path that has been given out stays readable when the backing gets another: the newest comes
 * first, and all are freed with the backing.
 */
struct rst_path {
    struct rst_path *older;
    char text[];
};

/* What the dynamic linker opens in place of a path that others could lead elsewhere. */
struct rst_load_path {
    struct rst_descriptor directory;
    char text[];
};

/* What keeps the inode of the file that the dynamic linker has read: a mapping or a descriptor. */
struct rst_pin {
    void *page;
    struct rst_descriptor file; /* which it is, also where `page` keeps it */
};

struct rst_backing {
    const struct rst_backing_operations *kind;
    struct rst_descriptor file;
    struct rst_pin pin;
    struct rst_path *path;
    struct rst_load_path *load; /* until it is loaded; NULL: the path itself will do */
    bool forked;                /* a forked child may be using it, too */
};

/* What to create a backing for. */
struct rst_backing_request {
    const char *provider; /* the name */
    const struct rst_image *image;
    const char *directory; /* as rst_provider_set_backing() takes it */
    /* Whether the dynamic linker would take the path for a library that it has loaded already. */
    bool (*is_known)(const char *path);
};

struct rst_backing_operations {
    /* Create a backing and put the image in it. Gives 0 or a negative errno; `ret` is untouched on
     * failure. */
    int (*create)(const struct rst_backing_request *request, struct rst_backing *ret);

    /* Create it again, under the same path if that is free. Whatever was open for it is let go. The
     * dynamic linker is not called, so the lock may be held. */
    int (*create_again)(struct rst_backing *backing, const char *provider,
                        const struct rst_image *image);

    /* Whether its path leads to the image: a program may have closed the memfd's descriptor, or
     * tidied up /tmp. */
    bool (*is_at_path)(const struct rst_backing *backing);

    /* The same, and that it can be mapped again: a file of which only the descriptor was closed is
     * opened once more. */
    bool (*is_intact)(struct rst_backing *backing);

    /* Open another file of the kind, with these bytes, by which tracers find nothing. Gives its
     * descriptor or a negative errno. */
    int (*open_nameless)(const struct rst_backing *backing, const struct rst_image *image);

    /* The image is not mapped from it any more: a file's name goes, unless another process uses
     * it. */
    void (*hide)(struct rst_backing *backing);

    /* Before the descriptor is closed for good; and the dynamic linker has closed the image. */
    void (*release)(struct rst_backing *backing);

    /* In the child after a fork: make the path name the child. */
    void (*forked_child)(struct rst_backing *backing);

    bool outlives_process; /* unless hidden */
};

#endif
