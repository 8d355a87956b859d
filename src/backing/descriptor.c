/* SPDX-License-Identifier: MIT */
#include "backing/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

#define BLOCK 4096
#define FIRST_FD 3 /* 0, 1 and 2 belong to the program, open or not */

/* ------------------------------------------------------------------ what it leads to -- */

int rst_descriptor_identify(struct rst_descriptor *descriptor, const char *what)
{
    struct stat status;

    if (fstat(descriptor->fd, &status) < 0)
        return rst_fail_errno(errno, "%s: fstat", what);
    descriptor->device = status.st_dev;
    descriptor->inode = status.st_ino;
    return 0;
}

static bool is_same(const struct rst_descriptor *descriptor, const struct stat *status)
{
    return status->st_dev == descriptor->device && status->st_ino == descriptor->inode;
}

bool rst_descriptor_is_at(const struct rst_descriptor *descriptor, const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return false;
    errno = ENOENT;
    return is_same(descriptor, &status);
}

bool rst_descriptor_is_elsewhere(const struct rst_descriptor *descriptor, const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && !is_same(descriptor, &status);
}

bool rst_descriptor_is_ours(const struct rst_descriptor *descriptor)
{
    struct stat status;

    return descriptor->fd >= 0 && fstat(descriptor->fd, &status) == 0 &&
           is_same(descriptor, &status);
}

void rst_descriptor_close(struct rst_descriptor *descriptor)
{
    if (rst_descriptor_is_ours(descriptor))
        close(descriptor->fd);
    descriptor->fd = -1;
}

int rst_descriptor_move(int fd, const char *what)
{
    int high, error = 0;

    if (fd >= FIRST_FD)
        return fd;
    high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
    if (high < 0)
        error = rst_fail_errno(errno, "%s: fcntl(F_DUPFD_CLOEXEC)", what);
    close(fd);
    return error < 0 ? error : high;
}

int rst_descriptor_path(int fd, char text[RST_DESCRIPTOR_PATH_SIZE])
{
    char pid[RST_DESCRIPTOR_NUMBER_SIZE];
    ssize_t length = readlink("/proc/self", pid, sizeof(pid) - 1);

    if (length <= 0)
        return rst_fail_errno(length < 0 ? errno : ENOENT,
                              "/proc/self, by which tracers find a memfd (is /proc mounted?)");
    pid[length] = '\0';
    snprintf(text, RST_DESCRIPTOR_PATH_SIZE, "/proc/%s/fd/%d", pid, fd);
    return 0;
}

/* ------------------------------------------------------------------- writing an image -- */

static bool is_loaded(const struct rst_map *map, uint64_t at)
{
    return at < map->readable || (at >= map->semaphores && at < map->end);
}

static size_t block_size(const struct rst_image *image, size_t at)
{
    return image->size - at < BLOCK ? image->size - at : BLOCK;
}

static bool is_hole(const struct rst_image *image, size_t at)
{
    return !is_loaded(&image->map, at) && rst_is_zero(image->bytes + at, block_size(image, at));
}

/* The end of the run of blocks from `at` on that are all holes, or all not. */
static size_t run_end(const struct rst_image *image, size_t at, bool hole)
{
    while (at < image->size && is_hole(image, at) == hole)
        at += block_size(image, at);
    return at;
}

int rst_descriptor_write(int fd, const struct rst_image *image, const char *what)
{
    struct rlimit most;
    size_t at = 0;

    /* Beyond it the kernel does not just refuse: SIGXFSZ kills the program. */
    if (getrlimit(RLIMIT_FSIZE, &most) == 0 && image->size > most.rlim_cur)
        return rst_fail(EFBIG, "%s: %zu bytes are more than the %llu that RLIMIT_FSIZE allows",
                        what, image->size, (unsigned long long)most.rlim_cur);
    if (ftruncate(fd, (off_t)image->size) < 0)
        return rst_fail_errno(errno, "%s: ftruncate to %zu bytes", what, image->size);
    while ((at = run_end(image, at, true)) < image->size) {
        size_t end = run_end(image, at, false);

        while (at < end) {
            ssize_t written = pwrite(fd, image->bytes + at, end - at, (off_t)at);

            if (written < 0 && errno == EINTR)
                continue;
            if (written <= 0)
                return rst_fail_errno(written < 0 ? errno : EIO, "%s: write of %zu bytes", what,
                                      end - at);
            at += (size_t)written;
        }
    }
    return 0;
}
