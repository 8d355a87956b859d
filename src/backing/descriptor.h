/* SPDX-License-Identifier: MIT */
/*
 * Descriptors, and what they lead to: programs close what isn't theirs, and use its number again.
 */
#ifndef RST_DESCRIPTOR_H
#define RST_DESCRIPTOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "image/image.h"

struct rst_descriptor {
    int fd; /* -1: none */
    dev_t device;
    ino_t inode;
};

/* Say what `fd` leads to. Gives 0 or a negative errno; `what` is for the message. */
int rst_descriptor_identify(struct rst_descriptor *descriptor, const char *what);

/* Whether it still leads there. */
bool rst_descriptor_is_ours(const struct rst_descriptor *descriptor);

/* Whether a path leads to the same. If not, errno says why. */
bool rst_descriptor_is_at(const struct rst_descriptor *descriptor, const char *path);

/* Whether it leads to something else. Neither holds where there is nothing, or none can tell. */
bool rst_descriptor_is_elsewhere(const struct rst_descriptor *descriptor, const char *path);

/* Close it, if it still is ours. */
void rst_descriptor_close(struct rst_descriptor *descriptor);

/* Give the descriptor a number that is none of the standard streams'. Gives it, or a negative
 * errno, with `fd` closed. */
int rst_descriptor_move(int fd, const char *what);

/*
 * Write the path of our descriptor: the literal /proc/PID/fd/N, for with /proc/self gdb would open
 * a file of its own. The PID is what /proc/self leads to, which is right even where /proc shows
 * another PID namespace. Gives 0 or a negative errno.
 */
#define RST_DESCRIPTOR_NUMBER_SIZE                                                                 \
    ((size_t)12) /* of a process id or a descriptor, with its NUL                                  \
                  */
#define RST_DESCRIPTOR_PATH_SIZE (sizeof("/proc//fd/") + 2 * RST_DESCRIPTOR_NUMBER_SIZE)

int rst_descriptor_path(int fd, char text[RST_DESCRIPTOR_PATH_SIZE]);

/*
 * Write the image to an empty file. What lies between its parts is left a hole; nothing that is
 * loaded is, even where it is zero: reading a hole in a full tmpfs kills the program (SIGBUS).
 */
int rst_descriptor_write(int fd, const struct rst_image *image, const char *what);

#endif
