/* SPDX-License-Identifier: MIT */
/*
 * Opening other programs' files to read them: only regular files, and without waiting.
 *
 * Opening a device may have side effects, opening a FIFO waits for a writer, and opening a file on
 * which another process holds a lease (fcntl(2), F_SETLEASE) waits for that process, usually 45
 * seconds. So file_open() first opens the path with O_PATH, which does not touch the file, checks
 * that the file is regular, and then opens it through that descriptor. Nobody can put another file
 * in its place between the two.
 */
#ifndef CLI_FILE_H
#define CLI_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * Gives a descriptor, or a negative errno: -ENXIO if the file is not regular, -EAGAIN if another
 * process holds a lease on it. `ret` is filled whenever there is a file of any kind; otherwise its
 * st_mode is 0.
 */
int file_open(const char *path, struct stat *ret);

/* The same for a descriptor opened with O_PATH. It needs /proc. */
int file_reopen(int path_fd, struct stat *ret);

bool file_is_same(const struct stat *a, const struct stat *b);

/*
 * Keep a message with rst_fail() for an errno, other than -ENXIO, that either gave. Gives `error`.
 */
int file_fail(int error, const char *name);

/* Read the first line of a small file, without its newline. Gives whether there is one. */
bool read_line(const char *path, char *line, int size);

#endif
