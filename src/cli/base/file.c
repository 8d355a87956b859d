/* SPDX-License-Identifier: MIT */
#include "cli/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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

int file_open(const char *path, struct stat *ret)
{
    int path_fd = open(path, O_PATH | O_CLOEXEC), fd;
    struct stat again;

    *ret = (struct stat){0};
    if (path_fd < 0)
        return -errno;
    fd = file_reopen(path_fd, ret);
    close(path_fd);
    if (fd != -ENOENT)
        return fd;
    fd = open(path, READING); /* /proc is not mounted */
    if (fd < 0)
        return -errno;
    if (fstat(fd, &again) == 0 && file_is_same(&again, ret))
        return fd;
    close(fd);
    return -ESTALE;
}

bool file_is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

int file_fail(int error, const char *name)
{
    if (error != -EAGAIN)
        return rst_fail_errno(-error, "%s", name);
    return rst_fail(EAGAIN,
                    "%s: another process holds a lease on it, and was told to give it up: "
                    "try again",
                    name);
}

bool read_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "re");
    bool good = file && fgets(line, size, file);

    if (file)
        fclose(file);
    if (good)
        line[strcspn(line, "\n")] = '\0';
    return good;
}
