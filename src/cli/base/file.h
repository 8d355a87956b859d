/* SPDX-License-Identifier: MIT */
/*
 * Opening a file of others to read it: only what is a regular file, and without waiting.
 *
 * A device's open() may act, a FIFO's waits for a writer, and that of a file which another process
 * holds a lease on (fcntl(2), F_SETLEASE) waits for that process, 45 seconds as a rule. So a path
 * is first opened as a path (O_PATH), which does nothing to the file, and the file is opened by
 * that descriptor once it is known to be regular: nobody can put another one in its place between
 * the two.
 */
#ifndef CLI_FILE_H
#define CLI_FILE_H

#include <sys/stat.h>

/*
 * Gives a descriptor, or a negative errno: -ENXIO where it is not a regular file, -EAGAIN where
 * another process holds a lease. `ret` is filled as soon as there is a file of any kind; its
 * st_mode is 0 otherwise.
 */
int file_open(const char *path, struct stat *ret);

/* The same for what is open as a path. It takes /proc. */
int file_reopen(int path_fd, struct stat *ret);

/* Keep the words for what either has given, other than -ENXIO, as rst_fail() does; gives that. */
int file_fail(int error, const char *name);

#endif
