/* SPDX-License-Identifier: MIT */
#include "cli/emit/emit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/base/file.h"
#include "cli/base/quote.h"
#include "cli/base/text.h"
#include "image/image.h"

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

/* Write all bytes except zeros: an image is mostly holes. */
static int write_sparse(int fd, const uint8_t *bytes, size_t size)
{
    int error = 0;

    for (size_t at = 0; error == 0 && at < size; at += BLOCK) {
        size_t length = size - at < BLOCK ? size - at : BLOCK;

        if (rst_is_zero(bytes + at, length))
            continue;
        if (lseek(fd, (off_t)at, SEEK_SET) < 0)
            return -errno;
        error = write_all(fd, bytes + at, length);
    }
    if (error == 0 && ftruncate(fd, (off_t)size) < 0)
        error = -errno;
    return error;
}

/*
 * The new file gets the mode of the old one, or the mode that open() would have given it; until
 * then only the user can read it. If it can't be given to the old file's owner, it loses the
 * set-uid and set-gid bits, because it would run as another user.
 */
static int put_mode(int fd, const struct stat *before)
{
    mode_t mode, mask;

    if (before) {
        mode = before->st_mode & 07777;
        if (fchown(fd, before->st_uid, before->st_gid) < 0)
            mode &= 0777;
    } else {
        mask = umask(0);
        umask(mask);
        mode = 0666 & ~mask;
    }
    return fchmod(fd, mode) < 0 ? -errno : 0;
}

static bool leads_to(const char *path, const struct stat *before)
{
    struct stat now;

    return lstat(path, &now) == 0 && file_is_same(&now, before);
}

/* Replace a file, or make a new one if `before` is NULL. */
static int replace(const char *path, const struct stat *before, const uint8_t *bytes, size_t size)
{
    const char *slash = strrchr(path, '/');
    int error = 0, fd;
    char *temporary;

    if (before && !leads_to(path, before))
        return -ESTALE;
    if (before && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0)
        return -errno;
    /* in the same directory, because rename() needs the same file system */
    temporary = text_format("%.*s.rst.XXXXXX", slash ? (int)(slash + 1 - path) : 0, path);
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        error = -errno;
        free(temporary);
        return error;
    }
    error = write_sparse(fd, bytes, size);
    if (error == 0)
        error = put_mode(fd, before);
    if (close(fd) < 0 && error == 0)
        error = -errno;
    if (error == 0 && rename(temporary, path) < 0)
        error = -errno;
    if (error < 0)
        unlink(temporary);
    free(temporary);
    return error;
}

/* The path of a file that is no link; NULL: it has none any more. */
static char *path_of(const char *path, const struct stat *about)
{
    char *found = realpath(path, NULL);

    if (found && !leads_to(found, about)) {
        free(found);
        return NULL;
    }
    return found;
}

/*
 * Opening a regular file does not wait for a process that holds a lease on it. Opening a pipe waits
 * for its reader.
 */
static int write_through(const char *path, const uint8_t *bytes, size_t size)
{
    struct stat about;
    bool is_regular = stat(path, &about) == 0 && S_ISREG(about.st_mode);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY | (is_regular ? O_NONBLOCK : 0));
    int error;

    if (fd < 0)
        return -errno;
    error = write_all(fd, bytes, size);
    return close(fd) < 0 && error == 0 ? -errno : error;
}

/*
 * Replace what the path leads to. The kernel follows a link, and refuses one that another user has
 * put into a shared directory (protected_symlinks in proc_sys_fs(5)). If a link leads to no file,
 * an empty one is made. `ret_through` gets whether it can't be replaced.
 */
static int place_file(const char *path, const uint8_t *bytes, size_t size, bool *ret_through)
{
    struct stat about;
    bool made = false;
    int error, fd;
    char *place;

    if (lstat(path, &about) < 0)
        return errno == ENOENT ? replace(path, NULL, bytes, size) : -errno;
    if (stat(path, &about) < 0) {
        if (errno != ENOENT)
            return -errno;
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
        if (fd < 0 || fstat(fd, &about) < 0)
            return -errno;
        close(fd);
        made = true;
    }
    if (S_ISDIR(about.st_mode))
        return -EISDIR;
    place = S_ISREG(about.st_mode) ? path_of(path, &about) : NULL;
    *ret_through = !place;
    error = place ? replace(place, &about, bytes, size) : 0;
    if (error < 0 && made && about.st_size == 0)
        unlink(place);
    free(place);
    return error;
}

/* Signals are held back, so that none ends the program while there is a temporary file. */
static int write_named(const char *path, const uint8_t *bytes, size_t size)
{
    sigset_t held, former;
    bool through = false;
    int error;

    hold_signals(&held, &former);
    error = place_file(path, bytes, size, &through);
    sigprocmask(SIG_SETMASK, &former, NULL);
    return through ? write_through(path, bytes, size) : error;
}

int output_write(const char *path, const uint8_t *bytes, size_t size)
{
    bool is_stdout = strcmp(path, "-") == 0;
    int error = is_stdout ? write_all(STDOUT_FILENO, bytes, size) : write_named(path, bytes, size);

    return error < 0 ? file_fail(error, is_stdout ? "standard output" : text_path(path).text) : 0;
}
