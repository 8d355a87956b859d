/* SPDX-License-Identifier: MIT */
/*
 * The path is the literal /proc/PID/fd/N: /proc/self would have gdb open a file of its own. The
 * PID is what /proc/self leads to, which is right even where /proc shows another PID namespace.
 */
#include "backing/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "rst.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)
#define TRIES 256 /* against inode numbers that other descriptors have */

/*
 * MFD_NOEXEC_SEAL says that nobody will execve(2) the memfd, which vm.memfd_noexec=2 demands and
 * every kernel that knows it allows; mapping it executable is another matter, and stays possible.
 * Kernels before 6.3 don't know it.
 */
static int create_descriptor(const char *provider)
{
    char name[sizeof("librst-") + RST_MAX_PROVIDER_NAME];
    int fd;

    snprintf(name, sizeof(name), "librst-%s", provider);
    fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return rst_fail_errno(errno, "provider \"%s\": memfd_create%s", provider,
                              errno == EPERM || errno == ENOSYS || errno == EACCES
                                  ? " (a seccomp filter? RST_BACKING=file does without)"
                                  : "");
    return rst_descriptor_move(fd, "memfd");
}

static int write_and_seal(int fd, const char *provider, const struct rst_image *image)
{
    int error = rst_descriptor_write(fd, image, "memfd");

    if (error < 0)
        return error;
    if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
        return rst_fail_errno(errno, "provider \"%s\": fcntl(F_ADD_SEALS)", provider);
    return 0;
}

/* See that tracers, who open the path, find the memfd there. */
static int check_path(const struct rst_backing *memfd, const char *path)
{
    if (rst_descriptor_is_at(&memfd->file, path))
        return 0;
    return rst_fail_errno(errno, "%s does not lead to the memfd (is /proc this process's own?)",
                          path);
}

/* Give `memfd` the path of its descriptor. */
static int set_path(struct rst_backing *memfd)
{
    struct rst_path *path = calloc(1, sizeof(*path) + RST_DESCRIPTOR_PATH_SIZE);
    int error;

    if (!path)
        return rst_fail(ENOMEM, "no memory for a path");
    error = rst_descriptor_path(memfd->file.fd, path->text);
    if (error == 0)
        error = check_path(memfd, path->text);
    if (error < 0) {
        free(path);
        return error;
    }
    path->older = memfd->path;
    memfd->path = path;
    return 0;
}

/* ---------------------------------------------------------------- a descriptor's number -- */

/*
 * bcc, and bpftrace before 0.25, find a memfd by the first descriptor of the process that has its
 * inode *number*, of whatever file system. memfds are numbered from 1 at each boot, so a device, a
 * pipe or a file may have the same number; what the tracer then reads is that.
 *
 * Our own memfds have numbers that differ, and a process may have thousands: a mark for each of
 * their descriptors saves looking at it.
 */
#define MARKED_FDS 65536

static uint64_t marks[MARKED_FDS / 64];

static void mark(int fd)
{
    if (fd < MARKED_FDS)
        __atomic_or_fetch(&marks[fd / 64], UINT64_C(1) << fd % 64, __ATOMIC_RELAXED);
}

static void unmark(int fd)
{
    if (fd >= 0 && fd < MARKED_FDS)
        __atomic_and_fetch(&marks[fd / 64], ~(UINT64_C(1) << fd % 64), __ATOMIC_RELAXED);
}

static bool is_marked(int fd)
{
    return fd < MARKED_FDS &&
           (__atomic_load_n(&marks[fd / 64], __ATOMIC_RELAXED) >> fd % 64 & 1) != 0;
}

#ifndef STATX_INO /* musl before 1.2.5 has the system call's number, but not the call */
#include <sys/syscall.h>

#define STATX_INO 0x100U
#define AT_STATX_DONT_SYNC 0x4000

struct statx {
    uint64_t before[4];
    uint64_t stx_ino;
    uint64_t after[27];
};

static int statx(int fd, const char *path, int flags, unsigned mask, struct statx *ret)
{
    return (int)syscall(SYS_statx, fd, path, flags, mask, ret);
}
#endif

/* Not at a server that may not answer. */
#define LOOK (AT_EMPTY_PATH | AT_STATX_DONT_SYNC)

/* Whether such a tracer would come upon another descriptor first. */
static bool is_behind_its_number(const struct rst_descriptor *memfd)
{
    struct statx status;

    for (int fd = 0; fd < memfd->fd; fd++)
        if (!is_marked(fd) && statx(fd, "", LOOK, STATX_INO, &status) == 0 &&
            status.stx_ino == memfd->inode)
            return true;
    return false;
}

/* How a descriptor gets the number that it stays with. */
struct placement {
    int (*place)(struct rst_backing *memfd, const struct placement *placement);
    bool (*is_known)(const char *path);
    int number;
};

/*
 * The dynamic linker takes a path that it has seen for the library that it has loaded, even when
 * that descriptor was closed and its number used again. So the descriptor moves until its path is
 * new to the linker.
 */
static int avoid_known_paths(struct rst_backing *memfd, const struct placement *placement)
{
    char text[RST_DESCRIPTOR_PATH_SIZE];
    int error;

    while ((error = rst_descriptor_path(memfd->file.fd, text)) == 0 && placement->is_known(text)) {
        int next = fcntl(memfd->file.fd, F_DUPFD_CLOEXEC, memfd->file.fd + 1);

        if (next < 0)
            return rst_fail_errno(errno, "%s is another library's: fcntl(F_DUPFD_CLOEXEC)", text);
        close(memfd->file.fd);
        memfd->file.fd = next;
    }
    return error;
}

static int open_memfd(const char *provider, const struct rst_image *image, struct rst_backing *ret)
{
    struct rst_backing memfd = {.kind = &rst_memfd, .pin.file.fd = -1};
    int error;

    memfd.file.fd = create_descriptor(provider);
    if (memfd.file.fd < 0)
        return memfd.file.fd;
    error = write_and_seal(memfd.file.fd, provider, image);
    if (error == 0)
        error = rst_descriptor_identify(&memfd.file, "memfd");
    if (error < 0) {
        close(memfd.file.fd);
        return error;
    }
    *ret = memfd;
    return 0;
}

/* Open one that no other descriptor's inode number hides; its number differs each time. */
static int open_first(const char *provider, const struct rst_image *image,
                      const struct placement *placement, struct rst_backing *ret)
{
    for (int tries = TRIES;; tries--) {
        struct rst_backing memfd;
        int error = open_memfd(provider, image, &memfd);

        if (error < 0)
            return error;
        error = placement->place(&memfd, placement);
        if (error == 0 && (tries == 0 || !is_behind_its_number(&memfd.file))) {
            *ret = memfd;
            return 0;
        }
        close(memfd.file.fd);
        if (error < 0)
            return error;
    }
}

static int create(const struct rst_backing_request *request, struct rst_backing *ret)
{
    const struct placement placement = {.place = avoid_known_paths, .is_known = request->is_known};
    struct rst_backing memfd;
    int error = open_first(request->provider, request->image, &placement, &memfd);

    if (error < 0)
        return error;
    error = set_path(&memfd);
    if (error < 0) {
        close(memfd.file.fd);
        return error;
    }
    mark(memfd.file.fd);
    *ret = memfd;
    return 0;
}

/* The number that a path ends in. */
static int fd_of(const struct rst_path *path)
{
    return (int)strtol(strrchr(path->text, '/') + 1, NULL, 10);
}

/* Take that number if it is free: then the path that tracers and the link map have holds. */
static int take_number(struct rst_backing *memfd, const struct placement *placement)
{
    int number = placement->number, fd;

    if (memfd->file.fd == number)
        return 0;
    fd = fcntl(memfd->file.fd, F_DUPFD_CLOEXEC, number);
    if (fd == number) {
        close(memfd->file.fd);
        memfd->file.fd = fd;
    } else if (fd >= 0) {
        close(fd);
    }
    return 0;
}

static int create_again(struct rst_backing *memfd, const char *provider,
                        const struct rst_image *image)
{
    const struct placement placement = {.place = take_number, .number = fd_of(memfd->path)};
    struct rst_backing again;
    int error;

    unmark(placement.number);
    error = open_first(provider, image, &placement, &again);
    if (error < 0)
        return error;
    rst_descriptor_close(&memfd->file);
    again.path = memfd->path;
    again.forked = memfd->forked;
    if (again.file.fd != placement.number) {
        error = set_path(&again); /* the linker isn't asked: it loads nothing by this one */
        if (error < 0) {
            close(again.file.fd);
            return error;
        }
    }
    mark(again.file.fd);
    *memfd = again;
    return 0;
}

static bool is_at_path(const struct rst_backing *memfd)
{
    return rst_descriptor_is_ours(&memfd->file);
}

static bool is_intact(struct rst_backing *memfd)
{
    return is_at_path(memfd);
}

static int open_nameless(const struct rst_backing *memfd, const struct rst_image *image)
{
    int fd = create_descriptor("hidden"), error;

    (void)memfd;
    if (fd < 0)
        return fd;
    error = rst_descriptor_write(fd, image, "memfd");
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

/* Tracers look for what is mapped. */
static void hide(struct rst_backing *memfd)
{
    (void)memfd;
}

static void release(struct rst_backing *memfd)
{
    unmark(memfd->file.fd);
}

static void forked_child(struct rst_backing *memfd)
{
    char text[RST_DESCRIPTOR_PATH_SIZE];

    /* Overwritten in place, not replaced: nobody else runs yet in the child. */
    if (rst_descriptor_path(fd_of(memfd->path), text) == 0)
        memcpy(memfd->path->text, text, sizeof(text));
}

const struct rst_backing_operations rst_memfd = {
    .create = create,
    .create_again = create_again,
    .is_at_path = is_at_path,
    .is_intact = is_intact,
    .open_nameless = open_nameless,
    .hide = hide,
    .release = release,
    .forked_child = forked_child,
};
