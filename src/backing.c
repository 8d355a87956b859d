/* SPDX-License-Identifier: MIT */
#include "backing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "rst.h"

#define BLOCK 4096
#define FIRST_FD 3 /* 0, 1 and 2 belong to the program, open or not */

static bool is_zero(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static size_t block_size(const struct rst_image *image, size_t at)
{
    return image->size - at < BLOCK ? image->size - at : BLOCK;
}

/* The end of the run of blocks from `at` on that are all zero, or all not. */
static size_t run_end(const struct rst_image *image, size_t at, bool zero)
{
    while (at < image->size && is_zero(image->bytes + at, block_size(image, at)) == zero)
        at += block_size(image, at);
    return at;
}

int rst_backing_write(int fd, const struct rst_image *image, const char *what)
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

int rst_backing_move_fd(int fd, const char *what)
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

static bool is_same_file(const struct stat *status, const struct rst_backing *backing)
{
    return status->st_dev == backing->device && status->st_ino == backing->inode;
}

static bool owns_fd(const struct rst_backing *backing)
{
    struct stat status;

    return backing->fd >= 0 && fstat(backing->fd, &status) == 0 && is_same_file(&status, backing);
}

bool rst_backing_intact(const struct rst_backing *backing)
{
    struct stat status;

    if (!owns_fd(backing))
        return false;
    return backing->kind == RST_BACKING_MEMFD ||
           (stat(backing->path->text, &status) == 0 && is_same_file(&status, backing));
}

void rst_backing_close_fd(struct rst_backing *backing)
{
    if (owns_fd(backing))
        close(backing->fd);
    backing->fd = -1;
}

void rst_backing_release(struct rst_backing *backing)
{
    if (backing->kind == RST_BACKING_FILE)
        rst_file_remove(backing);
    rst_backing_close_fd(backing);
    while (backing->path) {
        struct rst_path *older = backing->path->older;

        free(backing->path);
        backing->path = older;
    }
}
