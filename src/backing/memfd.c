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
#include <unistd.h>

#include "error.h"
#include "rst.h"
#include "runtime/linker.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)
#define NUMBER_SIZE ((size_t)12) /* of a process id or a descriptor, its NUL included */
#define PATH_SIZE (sizeof("/proc//fd/") + 2 * NUMBER_SIZE)

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
        return rst_fail_errno(errno, "provider \"%s\": memfd_create", provider);
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

/* Write the path of our descriptor `fd` to `text`. */
static int name_path(int fd, char text[PATH_SIZE])
{
    char pid[NUMBER_SIZE];
    ssize_t length = readlink("/proc/self", pid, sizeof(pid) - 1);

    if (length <= 0)
        return rst_fail_errno(length < 0 ? errno : ENOENT,
                              "/proc/self, by which tracers find a memfd (is /proc mounted?)");
    pid[length] = '\0';
    snprintf(text, PATH_SIZE, "/proc/%s/fd/%d", pid, fd);
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
    struct rst_path *path = calloc(1, sizeof(*path) + PATH_SIZE);
    int error;

    if (!path)
        return rst_fail(ENOMEM, "no memory for a path");
    error = name_path(memfd->file.fd, path->text);
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

/*
 * The dynamic linker takes a path that it has seen for the library that it has loaded, even when
 * that descriptor was closed and its number used again. So the descriptor moves until its path is
 * new to the linker.
 */
static int avoid_known_paths(struct rst_backing *memfd, bool (*is_known)(const char *path))
{
    char text[PATH_SIZE];
    int error;

    while ((error = name_path(memfd->file.fd, text)) == 0 && is_known(text)) {
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
    struct rst_backing memfd = {.kind = &rst_memfd, .pin.fd = -1};
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

static int create(const struct rst_backing_request *request, struct rst_backing *ret)
{
    struct rst_backing memfd;
    int error = open_memfd(request->provider, request->image, &memfd);

    if (error < 0)
        return error;
    error = avoid_known_paths(&memfd, request->is_known);
    if (error == 0)
        error = set_path(&memfd);
    if (error < 0) {
        close(memfd.file.fd);
        return error;
    }
    *ret = memfd;
    return 0;
}

/* The number that a path ends in. */
static int fd_of(const struct rst_path *path)
{
    return (int)strtol(strrchr(path->text, '/') + 1, NULL, 10);
}

static int create_again(struct rst_backing *memfd, const char *provider,
                        const struct rst_image *image)
{
    struct rst_backing again;
    int old = fd_of(memfd->path), same, error;

    error = open_memfd(provider, image, &again);
    if (error < 0)
        return error;
    rst_descriptor_close(&memfd->file);
    again.path = memfd->path;
    again.forked = memfd->forked;

    /* The old number if it is free: then the path that tracers and the link map have holds. */
    same = again.file.fd == old ? old : fcntl(again.file.fd, F_DUPFD_CLOEXEC, old);
    if (same == old && same != again.file.fd) {
        close(again.file.fd);
        again.file.fd = same;
    } else if (same >= 0 && same != again.file.fd) {
        close(same);
    }
    if (again.file.fd != old) {
        error = set_path(&again); /* the linker isn't asked: it loads nothing by this one */
        if (error < 0) {
            close(again.file.fd);
            return error;
        }
    }
    *memfd = again;
    return 0;
}

static bool is_intact(struct rst_backing *memfd)
{
    return rst_descriptor_is_ours(&memfd->file);
}

/* Tracers look for what is mapped. */
static void hide(struct rst_backing *memfd)
{
    (void)memfd;
}

static void forked_child(struct rst_backing *memfd)
{
    char text[PATH_SIZE];

    /* Overwritten in place, not replaced: nobody else runs yet in the child. */
    if (name_path(fd_of(memfd->path), text) == 0)
        memcpy(memfd->path->text, text, sizeof(text));
}

const struct rst_backing_operations rst_memfd = {
    .create = create,
    .create_again = create_again,
    .is_intact = is_intact,
    .hide = hide,
    .forked_child = forked_child,
};
