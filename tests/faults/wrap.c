/* SPDX-License-Identifier: MIT */
/*
 * The wrappers: one for each function in meson.build's list.
 */
#include "wrap.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "held.h"

#define NONSENSE EXFULL /* what a successful call leaves in errno */

bool faults_kernel_has_nop5;

/* A function `NAME`, as librst calls it, and the real one. */
#define WRAP(type, name, parameters)                                                               \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters

/* Leave nonsense in errno where `worked`, and give the result. */
#define RESULT(result, worked)                                                                     \
    return (faults_armed && (worked) ? (void)(errno = NONSENSE) : (void)0), result

#define FAIL(error, result)                                                                        \
    do {                                                                                           \
        errno = (error);                                                                           \
        return result;                                                                             \
    } while (0)

WRAP(void *, calloc, (size_t count, size_t size))
{
    int error = faults_strike("calloc", NULL);
    void *block;

    if (error)
        FAIL(error, NULL);
    block = __real_calloc(count, size);
    if (block)
        faults_hold(HEAP, (uintptr_t)block, size);
    RESULT(block, block);
}

WRAP(char *, strdup, (const char *text))
{
    int error = faults_strike("strdup", NULL);
    char *block;

    if (error)
        FAIL(error, NULL);
    block = __real_strdup(text);
    if (block)
        faults_hold(HEAP, (uintptr_t)block, 0);
    RESULT(block, block);
}

WRAP(void, free, (void *block))
{
    faults_strike("free", NULL);
    if (block)
        faults_let_go(HEAP, (uintptr_t)block);
    __real_free(block);
    if (faults_armed)
        errno = NONSENSE;
}

WRAP(int, pthread_atfork, (void (*prepare)(void), void (*parent)(void), void (*child)(void)))
{
    int error = faults_strike("pthread_atfork", NULL);

    return error ? error : __real_pthread_atfork(prepare, parent, child);
}

WRAP(int, pthread_mutex_timedlock, (pthread_mutex_t * mutex, const struct timespec *until))
{
    int error = faults_strike("pthread_mutex_timedlock", NULL);

    return error ? error : __real_pthread_mutex_timedlock(mutex, until);
}

WRAP(int, uname, (struct utsname * name))
{
    int error = faults_strike("uname", NULL);

    if (error)
        FAIL(error, -1);
    error = __real_uname(name);
    if (faults_kernel_has_nop5)
        strcpy(name->release, "6.18.0");
    RESULT(error, true);
}

WRAP(int, prctl, (int option, ...))
{
    int error = faults_strike("prctl", NULL), result;

    if (error)
        FAIL(error, -1);
    result = faults_kernel_has_nop5 ? 0 : __real_prctl(option, 0L, 0L, 0L, 0L);
    RESULT(result, result >= 0);
}

#define SYS_UPROBE 336

/* librst calls it without arguments, and the test's tracer with five. */
WRAP(long, syscall, (long number, ...))
{
    int error = faults_strike("syscall", NULL);
    long argument[5];
    va_list list;

    if (error)
        FAIL(error, -1);
    if (faults_kernel_has_nop5 && number == SYS_UPROBE)
        FAIL(ENXIO, -1);
    va_start(list, number);
    for (size_t i = 0; i < 5; i++)
        argument[i] = va_arg(list, long);
    va_end(list);
    return __real_syscall(number, argument[0], argument[1], argument[2], argument[3], argument[4]);
}

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
    int error = faults_strike("stat64", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_stat64(path, status);
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

WRAP(int, fstatat64, (int directory, const char *path, struct stat *status, int flags))
{
    int error = faults_strike("fstatat64", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_fstatat64(directory, path, status, flags);
    RESULT(result, result == 0);
}

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
    int error = faults_strike("open64", NULL), fd;
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
    int error = faults_strike("openat64", flags & O_CREAT       ? "create"
                                          : flags & O_DIRECTORY ? "sweep"
                                                                : "lease");
    va_list list;
    mode_t mode;
    int fd;

    va_start(list, flags);
    mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
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

static bool dl_failed; /* so that there are words for it, but not the linker's own */

WRAP(void *, dlopen, (const char *path, int flags))
{
    int error = faults_strike("dlopen", flags & RTLD_NOLOAD ? "known" : "load");
    void *handle;

    dl_failed = error != 0;
    if (error)
        FAIL(error, NULL);
    handle = __real_dlopen(path, flags);
    if (handle)
        faults_hold(LIBRARY, (uintptr_t)handle, 0);
    RESULT(handle, true);
}

WRAP(int, dlinfo, (void *handle, int request, void *info))
{
    int error = faults_strike("dlinfo", NULL), result;

    dl_failed = error != 0;
    if (error)
        FAIL(error, -1);
    result = __real_dlinfo(handle, request, info);
    RESULT(result, true);
}

WRAP(char *, dlerror, (void))
{
    static char words[] = "cannot map the segments of a shared object";

    faults_strike("dlerror", NULL);
    if (!dl_failed)
        return __real_dlerror();
    dl_failed = false;
    return words;
}

/* It fails only for what is no library's handle. */
WRAP(int, dlclose, (void *handle))
{
    int error = faults_strike("dlclose", NULL), result;

    faults_let_go(LIBRARY, (uintptr_t)handle);
    result = __real_dlclose(handle);
    if (error)
        FAIL(error, -1);
    RESULT(result, result == 0);
}

WRAP(void *, mmap64, (void *at, size_t size, int protection, int flags, int fd, off_t offset))
{
    int error = faults_strike("mmap64", flags & MAP_ANONYMOUS ? "anonymous" : "backing");
    void *mapping;

    if (error)
        FAIL(error, MAP_FAILED);
    mapping = __real_mmap64(at, size, protection, flags, fd, offset);
    if (mapping != MAP_FAILED && !(flags & MAP_FIXED)) /* else it replaces what is the linker's */
        faults_hold(MAPPING, (uintptr_t)mapping, size);
    RESULT(mapping, mapping != MAP_FAILED);
}

WRAP(int, mprotect, (void *from, size_t size, int protection))
{
    int error = faults_strike("mprotect", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_mprotect(from, size, protection);
    RESULT(result, result == 0);
}

WRAP(void *, mremap, (void *from, size_t size, size_t new_size, int flags, ...))
{
    int error = faults_strike("mremap", NULL);
    void *to, *result;
    va_list list;

    va_start(list, flags);
    to = va_arg(list, void *);
    va_end(list);
    if (error)
        FAIL(error, MAP_FAILED);
    result = __real_mremap(from, size, new_size, flags, to);
    if (result != MAP_FAILED)
        faults_let_pages_go((uintptr_t)from, size);
    RESULT(result, result != MAP_FAILED);
}

WRAP(int, munmap, (void *from, size_t size))
{
    int error = faults_strike("munmap", NULL), result;

    if (error) {
        faults_orphan_pages((uintptr_t)from, size);
        FAIL(error, -1);
    }
    result = __real_munmap(from, size);
    if (result == 0)
        faults_let_pages_go((uintptr_t)from, size);
    RESULT(result, result == 0);
}
