/* SPDX-License-Identifier: MIT */
#include "cli/emit/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/quote.h"
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

/* ----------------------------------------------------------------------------- replacing -- */

/*
 * mkostemp() makes files for the user alone. The new one is as the one before it was, or else as
 * open() would have made it. What can't be given to its owner runs as nobody else: it loses those
 * bits.
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

/* A name beside the file's: what is renamed must be on the same file system. */
static char *temporary_beside(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *temporary;

    sure(asprintf(&temporary, "%.*s.rst.XXXXXX", slash ? (int)(slash + 1 - path) : 0, path) < 0
             ? NULL
             : temporary);
    return temporary;
}

static int replace(const char *path, const struct stat *before, const uint8_t *bytes, size_t size)
{
    char *temporary;
    int fd, error;

    if (before && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0)
        return -errno;
    temporary = temporary_beside(path);
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

/* No signal ends the program before the temporary file is gone. */
static int replace_undisturbed(const char *path, const struct stat *before, const uint8_t *bytes,
                               size_t size)
{
    static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    sigset_t held, former;
    int error;

    sigemptyset(&held);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        sigaddset(&held, ends[i]);
    sigprocmask(SIG_BLOCK, &held, &former);
    error = replace(path, before, bytes, size);
    sigprocmask(SIG_SETMASK, &former, NULL);
    return error;
}

static int write_through(const char *path, const uint8_t *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY), error;

    if (fd < 0)
        return -errno;
    error = write_all(fd, bytes, size);
    if (close(fd) < 0 && error == 0)
        error = -errno;
    return error;
}

/* ------------------------------------------------------------------------------- links -- */

#define MOST_LINKS 40 /* as the kernel has it */

/* /proc/self/fd/1 is a link that can't be followed by its text, nor be given another file. */
static bool is_in_proc(const char *link)
{
    struct statfs about;
    int fd = open(link, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    bool found = fd >= 0 && fstatfs(fd, &about) == 0 && about.f_type == PROC_SUPER_MAGIC;

    if (fd >= 0)
        close(fd);
    return found;
}

/* What a link says, from where the link is. NULL: it is none. */
static char *target_of(const char *link)
{
    const char *slash = strrchr(link, '/');
    char text[PATH_MAX], *target;
    ssize_t length = readlink(link, text, sizeof(text));

    if (length < 0 || (size_t)length == sizeof(text))
        return NULL;
    sure(asprintf(&target, "%.*s%.*s", slash && text[0] != '/' ? (int)(slash + 1 - link) : 0, link,
                  (int)length, text) < 0
             ? NULL
             : target);
    return target;
}

/*
 * Write what the links lead to, and leave the links as they are: /dev/stdout, or a current.so that
 * is a link to today's.
 */
static int write_named(const char *path, const uint8_t *bytes, size_t size)
{
    char *name = sure(strdup(path)), *target;
    int error, links = 0;
    bool through = false, exists;
    struct stat about;

    for (; links <= MOST_LINKS && (target = target_of(name)); links++) {
        through = is_in_proc(name);
        if (through) {
            free(target);
            break;
        }
        free(name);
        name = target;
    }
    exists = stat(name, &about) == 0;
    if (links > MOST_LINKS)
        error = -ELOOP;
    else if (exists && S_ISDIR(about.st_mode))
        error = -EISDIR;
    else if (through || (exists && !S_ISREG(about.st_mode)))
        error = write_through(name, bytes, size);
    else
        error = replace_undisturbed(name, exists ? &about : NULL, bytes, size);
    free(name);
    return error;
}

int output_write(const char *path, const uint8_t *bytes, size_t size)
{
    int error;

    if (strcmp(path, "-") == 0) {
        error = write_all(STDOUT_FILENO, bytes, size);
        path = "standard output";
    } else {
        error = write_named(path, bytes, size);
    }
    return error < 0 ? rst_fail_errno(-error, "%s", text_path(path).text) : 0;
}
