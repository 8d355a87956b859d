/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "error.h"

#define BLOCK 4096

static int write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t count = write(fd, bytes, size);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        bytes += count;
        size -= (size_t)count;
    }
    return 0;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* Write but what is zero: an image is mostly holes. */
static int write_sparse(int fd, const uint8_t *bytes, size_t size)
{
    int error = 0;

    for (size_t at = 0; error == 0 && at < size; at += BLOCK) {
        size_t length = size - at < BLOCK ? size - at : BLOCK;

        if (is_zero(bytes + at, length))
            continue;
        if (lseek(fd, (off_t)at, SEEK_SET) < 0)
            return -errno;
        error = write_all(fd, bytes + at, length);
    }
    if (error == 0 && ftruncate(fd, (off_t)size) < 0)
        error = -errno;
    return error;
}

/* mkstemp() makes files for the user alone; this is what open() would have given. */
static int put_mode(int fd)
{
    mode_t mask = umask(0);

    umask(mask);
    return fchmod(fd, 0666 & ~mask) < 0 ? -errno : 0;
}

static int replace(const char *path, const uint8_t *bytes, size_t size)
{
    char *temporary;
    int fd, error;

    sure(asprintf(&temporary, "%s.XXXXXX", path) < 0 ? NULL : temporary);
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        error = -errno;
        free(temporary);
        return error;
    }
    error = write_sparse(fd, bytes, size);
    if (error == 0)
        error = put_mode(fd);
    if (close(fd) < 0 && error == 0)
        error = -errno;
    if (error == 0 && rename(temporary, path) < 0)
        error = -errno;
    if (error < 0)
        unlink(temporary);
    free(temporary);
    return error;
}

/* No signal ends the program before the temporary file is gone. */
static int replace_undisturbed(const char *path, const uint8_t *bytes, size_t size)
{
    static const int ends[] = {SIGHUP, SIGINT, SIGTERM};
    sigset_t held, before;
    int error;

    sigemptyset(&held);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        sigaddset(&held, ends[i]);
    sigprocmask(SIG_BLOCK, &held, &before);
    error = replace(path, bytes, size);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return error;
}

static int write_through(const char *path, const uint8_t *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY), error;

    if (fd < 0)
        return -errno;
    error = write_all(fd, bytes, size);
    if (close(fd) < 0 && error == 0)
        error = -errno;
    return error;
}

int output_write(const char *path, const uint8_t *bytes, size_t size)
{
    struct stat about;
    int error;

    if (strcmp(path, "-") == 0) {
        error = write_all(STDOUT_FILENO, bytes, size);
        path = "standard output";
    } else if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) {
        error = -EISDIR;
    } else if (stat(path, &about) == 0 && !S_ISREG(about.st_mode)) {
        error = write_through(path, bytes, size);
    } else {
        error = replace_undisturbed(path, bytes, size);
    }
    return error < 0 ? rst_fail_errno(-error, "%s", rst_quote(path).text) : 0;
}
