/* SPDX-License-Identifier: MIT */
/*
 * The wrappers of what is about files, directories and descriptors.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "wrapper.h"

WRAP(int, memfd_create, (const char *name, unsigned flags))
{
    int error =
            faults_strike("memfd_create", flags & 0x0008U /* MFD_NOEXEC_SEAL */ ? "new" : "old"),
        fd;

    if (error)
        FAIL(error, -1);
    fd = __real_memfd_create(name, flags);
    if (fd >= 0)
        faults_hold(DESCRIPTOR, (uintptr_t)fd, 0);
    RESULT(fd, fd >= 0);
}

static const char *fcntl_detail(int command, long argument)
{
    switch (command) {
    case F_DUPFD_CLOEXEC:
        return "F_DUPFD";
    case F_ADD_SEALS:
        return "F_ADD_SEALS";
    case F_SETSIG:
        return "F_SETSIG";
    case F_SETLEASE:
        return argument == F_UNLCK ? "F_SETLEASE F_UNLCK" : "F_SETLEASE";
    default:
        return "?";
    }
}

WRAP(int, fcntl64, (int fd, int command, ...))
{
    int error, result;
    long argument;
    va_list list;

    va_start(list, command);
    argument = va_arg(list, long);
    va_end(list);
    error = faults_strike("fcntl64", fcntl_detail(command, argument));
    if (error)
        FAIL(error, -1);
    result = __real_fcntl64(fd, command, argument);
    if (command == F_DUPFD_CLOEXEC && result >= 0)
        faults_hold(DESCRIPTOR, (uintptr_t)result, 0);
    RESULT(result, result >= 0);
}

/* The descriptor is gone whatever close(2) says. */
WRAP(int, close, (int fd))
{
    int error = faults_strike("close", NULL), result;

    result = __real_close(fd);
    if (result == 0)
        faults_let_go(DESCRIPTOR, (uintptr_t)fd);
    if (error)
        FAIL(error, -1);
    RESULT(result, result == 0);
}

WRAP(ssize_t, readlink, (const char *path, char *buffer, size_t size))
{
    int error = faults_strike("readlink", NULL);
    ssize_t length;

    if (error)
        FAIL(error, -1);
    length = __real_readlink(path, buffer, size);
    RESULT(length, length >= 0);
}

WRAP(int, stat64, (const char *path, struct stat *status))
{
    int error = faults_strike("stat64", strncmp(path, "/proc/", 6) == 0 ? "memfd" : "file"), result;

    if (error)
        FAIL(error, -1);
    result = __real_stat64(path, status);
    RESULT(result, result == 0);
}

WRAP(int, lstat64, (const char *path, struct stat *status))
{
    int error = faults_strike("lstat64", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_lstat64(path, status);
    RESULT(result, result == 0);
}

WRAP(char *, realpath, (const char *path, char *resolved))
{
    int error = faults_strike("realpath", NULL);
    char *block;

    if (error)
        FAIL(error, NULL);
    block = __real_realpath(path, resolved);
    if (block)
        faults_hold(HEAP, (uintptr_t)block, 0);
    RESULT(block, block);
}

WRAP(int, flock, (int fd, int operation))
{
    int error = faults_strike("flock", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_flock(fd, operation);
    RESULT(result, result == 0);
}

/* librst only asks whether there is the process. */
WRAP(int, kill, (pid_t pid, int signal))
{
    int error = faults_strike("kill", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_kill(pid, signal);
    RESULT(result, result == 0);
}

WRAP(int, fstat64, (int fd, struct stat *status))
{
    int error = faults_strike("fstat64", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_fstat64(fd, status);
    RESULT(result, result == 0);
}

#ifdef STATX_INO /* else librst makes the system call */
WRAP(int, statx, (int fd, const char *path, int flags, unsigned mask, struct statx *status))
{
    int error = faults_strike("statx", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_statx(fd, path, flags, mask, status);
    RESULT(result, result == 0);
}
#endif

WRAP(int, statvfs64, (const char *path, struct statvfs *status))
{
    int error = faults_strike("statvfs64", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_statvfs64(path, status);
    RESULT(result, result == 0);
}

WRAP(int, getrlimit64, (int resource, struct rlimit *limit))
{
    int error = faults_strike("getrlimit64", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_getrlimit64(resource, limit);
    RESULT(result, result == 0);
}

WRAP(int, ftruncate64, (int fd, off_t size))
{
    int error = faults_strike("ftruncate64", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_ftruncate64(fd, size);
    RESULT(result, result == 0);
}

WRAP(ssize_t, pwrite64, (int fd, const void *bytes, size_t size, off_t at))
{
    int error = faults_strike("pwrite64", NULL);
    ssize_t written;

    if (error == FAULT_NOTHING)
        return 0;
    if (error == FAULT_SHORT)
        size = (size + 1) / 2;
    else if (error)
        FAIL(error, -1);
    written = __real_pwrite64(fd, bytes, size, at);
    RESULT(written, written >= 0);
}

WRAP(int, mkdir, (const char *path, mode_t mode))
{
    int error = faults_strike("mkdir", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_mkdir(path, mode);
    RESULT(result, result == 0);
}

WRAP(int, rmdir, (const char *path))
{
    int error = faults_strike("rmdir", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_rmdir(path);
    RESULT(result, result == 0);
}

WRAP(int, unlink, (const char *path))
{
    int error = faults_strike("unlink", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_unlink(path);
    RESULT(result, result == 0);
}

WRAP(int, unlinkat, (int directory, const char *path, int flags))
{
    int error = faults_strike("unlinkat", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_unlinkat(directory, path, flags);
    RESULT(result, result == 0);
}

WRAP(int, open64, (const char *path, int flags, ...))
{
    int error = faults_strike("open64", flags & O_DIRECTORY ? "directory"
                                        : flags & O_PATH    ? "pin"
                                                            : "again"),
        fd;
    va_list list;
    mode_t mode;

    va_start(list, flags);
    mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
    va_end(list);
    if (error)
        FAIL(error, -1);
    fd = __real_open64(path, flags, mode);
    if (fd >= 0)
        faults_hold(DESCRIPTOR, (uintptr_t)fd, 0);
    RESULT(fd, fd >= 0);
}

WRAP(int, openat64, (int directory, const char *path, int flags, ...))
{
    bool nameless = (flags & O_TMPFILE) == O_TMPFILE;
    int error = faults_strike("openat64", nameless              ? "nameless"
                                          : flags & O_CREAT     ? "create"
                                          : flags & O_DIRECTORY ? "sweep"
                                                                : "lease");
    va_list list;
    mode_t mode;
    int fd;

    va_start(list, flags);
    mode = nameless || flags & O_CREAT ? va_arg(list, mode_t) : 0;
    va_end(list);
    if (error)
        FAIL(error, -1);
    fd = __real_openat64(directory, path, flags, mode);
    if (fd >= 0)
        faults_hold(DESCRIPTOR, (uintptr_t)fd, 0);
    RESULT(fd, fd >= 0);
}

WRAP(DIR *, fdopendir, (int fd))
{
    int error = faults_strike("fdopendir", NULL);
    DIR *stream;

    if (error)
        FAIL(error, NULL);
    stream = __real_fdopendir(fd);
    if (stream)
        faults_hold(STREAM, (uintptr_t)stream, 0);
    RESULT(stream, stream);
}

WRAP(struct dirent *, readdir64, (DIR * stream))
{
    int error = faults_strike("readdir64", NULL);

    if (error)
        FAIL(error, NULL);
    return __real_readdir64(stream);
}

WRAP(int, closedir, (DIR * stream))
{
    int error = faults_strike("closedir", NULL), result;

    faults_let_go(DESCRIPTOR, (uintptr_t)dirfd(stream));
    faults_let_go(STREAM, (uintptr_t)stream);
    result = __real_closedir(stream);
    if (error)
        FAIL(error, -1);
    RESULT(result, result == 0);
}
