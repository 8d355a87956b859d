/* SPDX-License-Identifier: MIT */
#include "cli/emit/output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/file.h"
#include "cli/base/quote.h"
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

/* ----------------------------------------------------------------------------- replacing -- */

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

/* The place of a file: its directory, open, and its name there. */
struct target {
    int directory;
    const char *name;
};

/* Gives 0 or a negative errno. `path` must live as long as `ret`. */
static int find_target(const char *path, struct target *ret)
{
    const char *slash = strrchr(path, '/');
    char *directory = sure(slash ? strndup(path, (size_t)(slash + 1 - path)) : strdup("."));

    ret->directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    ret->name = slash ? slash + 1 : path;
    free(directory);
    return ret->directory < 0 ? -errno : 0;
}

/* Whether the file is still the same. */
static bool is_still(const struct target *target, const struct stat *before)
{
    struct stat now;

    return fstatat(target->directory, target->name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
           now.st_dev == before->st_dev && now.st_ino == before->st_ino;
}

/* Make a temporary file in the same directory: rename() needs the same file system. */
static int make_temporary(const struct target *target, char name[32])
{
    uint32_t random;
    int fd;

    do {
        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
            return -errno;
        snprintf(name, 32, ".rst.%08" PRIx32, random);
        fd = openat(target->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    } while (fd < 0 && errno == EEXIST);
    return fd < 0 ? -errno : fd;
}

static int replace_at(const struct target *target, const struct stat *before, const uint8_t *bytes,
                      size_t size)
{
    char temporary[32];
    int fd, error;

    if (before && !is_still(target, before))
        return -ESTALE;
    if (before && faccessat(target->directory, target->name, W_OK, AT_EACCESS) < 0)
        return -errno;
    fd = make_temporary(target, temporary);
    if (fd < 0)
        return fd;
    error = write_sparse(fd, bytes, size);
    if (error == 0)
        error = put_mode(fd, before);
    if (close(fd) < 0 && error == 0)
        error = -errno;
    if (error == 0 && renameat(target->directory, temporary, target->directory, target->name) < 0)
        error = -errno;
    if (error < 0)
        unlinkat(target->directory, temporary, 0);
    return error;
}

/* `before` is the old file, or NULL; `made`: we made that file a moment ago. */
static int replace(const char *path, const struct stat *before, bool made, const uint8_t *bytes,
                   size_t size)
{
    struct target target;
    int error = find_target(path, &target);

    if (error < 0)
        return error;
    error = replace_at(&target, before, bytes, size);
    if (error < 0 && made && before->st_size == 0 && is_still(&target, before))
        unlinkat(target.directory, target.name, 0);
    close(target.directory);
    return error;
}

/* ------------------------------------------------------------------------------- links -- */

/*
 * The kernel follows a link, and refuses one that another user has put into a shared directory
 * (protected_symlinks in proc_sys_fs(5)). The path of the file that it opened is then replaced.
 */

/*
 * Open the file that a link leads to, with O_PATH. A link like /proc/self/fd/1 can't be followed by
 * its text, and its file can't be replaced: write through such a link instead. Where the kernel
 * can't tell the two kinds apart (before Linux 5.6), write through every link.
 */
static int follow(const char *path, bool *ret_through)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

    *ret_through = fd < 0 && (errno == ELOOP || errno == ENOSYS || errno == EPERM);
    if (*ret_through)
        fd = open(path, O_PATH | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Create the file that a link leads to. */
static int make_target(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);

    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

/* The path of an open file; NULL if /proc is not mounted. */
static char *path_of(int path_fd)
{
    char link[64], path[PATH_MAX];
    ssize_t length;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
    length = readlink(link, path, sizeof(path));
    return length < 0 || (size_t)length == sizeof(path) ? NULL
                                                        : sure(strndup(path, (size_t)length));
}

/*
 * Replace the file that a link leads to. If it must be written through the link instead,
 * `ret_through` gets it, opened with O_PATH.
 */
static int place_linked(const char *path, const uint8_t *bytes, size_t size, int *ret_through)
{
    bool through, made = false;
    int fd = follow(path, &through), error;
    struct stat about;
    char *resolved;

    if (fd == -ENOENT) {
        error = make_target(path);
        if (error < 0)
            return error;
        made = true;
        fd = follow(path, &through);
    }
    if (fd < 0)
        return fd;
    if (fstat(fd, &about) < 0 || S_ISDIR(about.st_mode)) {
        close(fd);
        return -EISDIR;
    }
    resolved = through || !S_ISREG(about.st_mode) ? NULL : path_of(fd);
    if (!resolved) {
        *ret_through = fd;
        return 0;
    }
    error = replace(resolved, &about, made, bytes, size);
    free(resolved);
    close(fd);
    return error;
}

/* ------------------------------------------------------------------------------ all -- */

static int place_named(const char *path, const uint8_t *bytes, size_t size, int *ret_through)
{
    int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), error;
    struct stat about;

    if (fd < 0)
        return errno == ENOENT ? replace(path, NULL, false, bytes, size) : -errno;
    if (fstat(fd, &about) < 0) {
        error = -errno;
    } else if (S_ISLNK(about.st_mode)) {
        error = place_linked(path, bytes, size, ret_through);
    } else if (S_ISREG(about.st_mode)) {
        error = replace(path, &about, false, bytes, size);
    } else if (S_ISDIR(about.st_mode)) {
        error = -EISDIR;
    } else {
        *ret_through = fd;
        return 0;
    }
    close(fd);
    return error;
}

/*
 * Opening a regular file does not wait for a process that holds a lease on it. Opening a pipe waits
 * for its reader.
 */
static int write_through(int path_fd, const char *path, const uint8_t *bytes, size_t size)
{
    int flags = O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY, fd, error;
    struct stat about;
    char link[64];

    if (fstat(path_fd, &about) == 0 && S_ISREG(about.st_mode))
        flags |= O_NONBLOCK;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
    fd = open(link, flags);
    if (fd < 0 && errno == ENOENT) /* /proc is not mounted */
        fd = open(path, flags);
    if (fd < 0)
        return -errno;
    error = write_all(fd, bytes, size);
    if (close(fd) < 0 && error == 0)
        error = -errno;
    return error;
}

/* Signals are held back, so that none ends the program while there is a temporary file. */
static int write_named(const char *path, const uint8_t *bytes, size_t size)
{
    sigset_t held, former;
    int through = -1, error;

    hold_signals(&held, &former);
    error = place_named(path, bytes, size, &through);
    sigprocmask(SIG_SETMASK, &former, NULL);
    if (through >= 0) {
        error = write_through(through, path, bytes, size);
        close(through);
    }
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
    return error < 0 ? file_fail(error, text_path(path).text) : 0;
}
