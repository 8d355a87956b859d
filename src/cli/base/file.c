/* SPDX-License-Identifier: MIT */
#include "cli/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "error.h"

#define READING (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

int file_reopen(int path_fd, struct stat *ret)
{
    char path[64];
    int fd;

    *ret = (struct stat){0};
    if (fstat(path_fd, ret) < 0)
        return -errno;
    if (!S_ISREG(ret->st_mode))
        return -ENXIO;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
    fd = open(path, READING);
    return fd < 0 ? -errno : fd;
}

/* Without /proc, open the path again, and check that it still leads to the same file. */
static int open_again(const char *path, const struct stat *known)
{
    struct stat about;
    int fd = open(path, READING);

    if (fd < 0)
        return -errno;
    if (fstat(fd, &about) == 0 && about.st_dev == known->st_dev && about.st_ino == known->st_ino)
        return fd;
    close(fd);
    return -ESTALE;
}

int file_open(const char *path, struct stat *ret)
{
    int path_fd = open(path, O_PATH | O_CLOEXEC), fd;

    *ret = (struct stat){0};
    if (path_fd < 0)
        return -errno;
    fd = file_reopen(path_fd, ret);
    if (fd == -ENOENT)
        fd = open_again(path, ret);
    close(path_fd);
    return fd;
}

int file_fail(int error, const char *name)
{
    if (error == -EAGAIN)
        return rst_fail(EAGAIN,
                        "%s: another process holds a lease on it, and was told to give it up: try "
                        "again",
                        name);
    return rst_fail_errno(-error, "%s", name);
}
