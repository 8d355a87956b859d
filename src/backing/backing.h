/* SPDX-License-Identifier: MIT */
/*
 * A backing: the open file that holds an image while it is loaded, and its path for tracers.
 *
 *     memfd   /proc/PID/fd/N, sealed. The descriptor must stay open: tracers find the image by it.
 *     file    DIRECTORY/librst-UID/PROVIDER.PID.TOKEN-N.so, there while loaded.
 */
#ifndef RST_BACKING_H
#define RST_BACKING_H

#include <stdbool.h>
#include <sys/types.h>

#include "image/image.h"

/*
 * A path that has been given out stays readable when the backing gets another: the newest comes
 * first, and all are freed with the backing.
 */
struct rst_path {
    struct rst_path *older;
    char text[];
};

/* A descriptor and what it leads to: programs close what isn't theirs, and use its number again. */
struct rst_descriptor {
    int fd; /* -1: none */
    dev_t device;
    ino_t inode;
};

struct rst_backing {
    int kind; /* RST_BACKING_MEMFD or RST_BACKING_FILE */
    struct rst_descriptor file;
    struct rst_descriptor pin; /* keeps the inode of the file that the dynamic linker has read */
    struct rst_path *path;
    bool forked; /* a forked child may be using it, too */
};

/* Create a backing of the kind and put the image in it. `directory` as rst_provider_set_backing()
 * takes it. Gives 0 or a negative errno; `ret` is untouched on failure. */
int rst_memfd_create(const char *provider, const struct rst_image *image, struct rst_backing *ret);
int rst_file_create(const char *directory, const char *provider, const struct rst_image *image,
                    struct rst_backing *ret);

/* Create it again, under the same path if that can be had. Whatever was open for it is let go. The
 * dynamic linker is not called, so the lock may be held. */
int rst_memfd_create_again(struct rst_backing *memfd, const char *provider,
                           const struct rst_image *image);
int rst_file_create_again(struct rst_backing *file, const char *provider,
                          const struct rst_image *image);

/*
 * Whether tracers can still find the image: a memfd by its descriptor, a file by its name, for
 * programs tidy up /tmp, too. A file whose descriptor alone was closed is opened again.
 */
bool rst_backing_intact(struct rst_backing *backing);

/* Remove the file's name, unless another process uses it; ours must have unmapped it. */
void rst_file_remove(struct rst_backing *file);

/* Close, remove and free what `backing` holds. */
void rst_backing_release(struct rst_backing *backing);

/* In the child after a fork: make the path name the child. */
void rst_memfd_forked(struct rst_backing *memfd);

/* ------------------------------------------------------------- for the backings -- */

/*
 * Write the image to an empty file. What lies between its parts is left a hole; nothing that is
 * loaded is, even where it is zero: reading a hole in a full tmpfs kills the program (SIGBUS).
 */
int rst_backing_write(int fd, const struct rst_image *image, const char *what);

/* Give the descriptor a number that is none of the standard streams'. Gives it, or a negative
 * errno, with `fd` closed. `what` is for the message. */
int rst_backing_move_fd(int fd, const char *what);

/* Say what `fd` leads to. Gives 0 or a negative errno. */
int rst_descriptor_identify(struct rst_descriptor *descriptor, const char *what);

/* Whether a path leads to the same. If not, errno says why. */
bool rst_descriptor_is_at(const struct rst_descriptor *descriptor, const char *path);

/* Whether it leads to something else. Neither holds where there is nothing, or none can tell. */
bool rst_descriptor_is_elsewhere(const struct rst_descriptor *descriptor, const char *path);

/* Close it, if it still is ours. */
void rst_descriptor_close(struct rst_descriptor *descriptor);

#endif
