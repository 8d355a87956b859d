/* SPDX-License-Identifier: MIT */
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

#define NONSENSE EXFULL /* what a successful call leaves in errno */

/* The kind of a call is the first row with its name and detail. */
const struct fault_kind fault_kinds[] = {
    {"calloc", NULL, FATAL, "no memory", {ENOMEM}, {0}},
    {"strdup", NULL, FATAL, "no memory", {ENOMEM}, {0}},
    {"free", NULL, HARMLESS, NULL, {0}, {0}},
    {"pthread_atfork", NULL, FATAL, "pthread_atfork", {ENOMEM}, {0}},
    {"pthread_mutex_timedlock", NULL, LITTERS, NULL, {ETIMEDOUT}, {0}},

    {"uname", NULL, HARMLESS, NULL, {EFAULT}, {0}},
    {"prctl", NULL, HARMLESS, NULL, {EINVAL}, {0}},
    {"syscall", NULL, HARMLESS, NULL, {ENOSYS, EPERM}, {0}},

    {"memfd_create", "new", FATAL, "memfd_create", {ENOSYS, EMFILE, EPERM, ENOMEM}, {EINVAL}},
    {"memfd_create", "old", FATAL, "memfd_create", {ENOSYS, EMFILE, EINVAL}, {0}},
    {"fcntl64", "F_ADD_SEALS", FATAL, "F_ADD_SEALS", {EPERM, EBUSY, EINVAL}, {0}},
    {"fcntl64", "F_DUPFD", FATAL, "F_DUPFD", {EMFILE, EINVAL}, {0}},
    {"readlink", NULL, FATAL, "/proc/self", {ENOENT, EACCES}, {0}},
    {"stat64", NULL, FATAL, "/proc/", {ENOENT, EACCES}, {0}},
    {"fstat64", NULL, FATAL, "fstat", {EIO, ENOMEM}, {0}},
    {"getrlimit64", NULL, HARMLESS, NULL, {EINVAL}, {0}},
    {"ftruncate64", NULL, FATAL, "ftruncate", {ENOSPC, EIO, EINTR}, {0}},
    {"pwrite64", NULL, FATAL, "write", {ENOSPC, EIO, FAULT_NOTHING}, {EINTR, FAULT_SHORT}},

    {"statvfs64", NULL, FATAL, "directory", {ENOENT, EACCES}, {0}},
    {"mkdir", NULL, FATAL, "mkdir", {ENOSPC, EROFS, EACCES}, {0}},
    {"open64", NULL, FATAL, "directory", {EMFILE, ELOOP, EACCES}, {0}},
    {"openat64", "create", FATAL, "file", {ENOSPC, EMFILE, EACCES}, {ENOENT}},
    {"openat64", "sweep", HARMLESS, NULL, {EMFILE, EACCES}, {0}},
    {"openat64", "lease", LITTERS, NULL, {EMFILE, EACCES}, {0}},
    {"fdopendir", NULL, LITTERS, NULL, {ENOMEM}, {0}},
    {"readdir64", NULL, LITTERS, NULL, {EIO}, {0}},
    {"closedir", NULL, HARMLESS, NULL, {EIO}, {0}},
    {"fcntl64", "F_SETSIG", LITTERS, NULL, {EINVAL}, {0}},
    {"fcntl64", "F_SETLEASE", LITTERS, NULL, {EAGAIN, EINVAL, ENOLCK}, {0}},
    {"fcntl64", "F_SETLEASE F_UNLCK", HARMLESS, NULL, {EINVAL}, {0}},
    {"fstatat64", NULL, LITTERS, NULL, {ENOENT, EACCES}, {0}},
    {"unlinkat", NULL, LITTERS, NULL, {EBUSY, EROFS}, {0}},
    {"rmdir", NULL, LITTERS, NULL, {ENOTEMPTY, EBUSY}, {0}},
    {"close", NULL, HARMLESS, NULL, {EIO, EINTR}, {0}},

    {"dlopen", "known", FATAL, "dlopen took", {ENOEXEC}, {0}},
    {"dlopen", "load", FATAL, "dlopen", {ENOEXEC}, {0}},
    {"dlerror", NULL, HARMLESS, NULL, {0}, {0}},
    {"dlinfo", NULL, FATAL, "dlinfo", {ENOEXEC}, {0}},
    {"dlclose", NULL, HARMLESS, NULL, {EINVAL}, {0}},

    {"mmap64", "anonymous", FATAL, "mmap", {ENOMEM, EAGAIN, EPERM}, {0}},
    {"mmap64", "backing", FATAL, "mmap", {ENOMEM, EACCES, EPERM}, {0}},
    {"mprotect", NULL, FATAL, "mprotect", {ENOMEM, EACCES}, {0}},
    {"mremap", NULL, FATAL, "mremap", {ENOMEM, EFAULT}, {0}},
    {"munmap", NULL, HARMLESS, NULL, {ENOMEM}, {0}},
};

const size_t fault_kind_count = sizeof(fault_kinds) / sizeof(fault_kinds[0]);

struct fault_record *fault_record;

static bool armed;
static struct fault_plan plan;
static size_t made[sizeof(fault_kinds) / sizeof(fault_kinds[0])]; /* calls of each kind */

/* ---------------------------------------------------------------------- what fails -- */

static const struct fault_kind *kind_of(const char *name, const char *detail)
{
    for (size_t i = 0; i < fault_kind_count; i++)
        if (strcmp(fault_kinds[i].name, name) == 0 &&
            (detail == fault_kinds[i].detail ||
             (detail && fault_kinds[i].detail && strcmp(fault_kinds[i].detail, detail) == 0)))
            return &fault_kinds[i];
    fprintf(stderr, "wrap.c: no row for %s %s\n", name, detail ? detail : "");
    abort();
}

static int error_of(const struct fault_kind *kind)
{
    size_t ordinal = ++made[kind - fault_kinds];

    if (kind == plan.kind && ordinal == plan.ordinal) {
        fault_record->struck_first = fault_record->count;
        return plan.error;
    }
    if (fault_record->struck_first == 0)
        return 0;
    if (plan.reach == WITH_LATER_OF_ITS_KIND && kind == plan.kind)
        return plan.error;
    if (plan.reach == WITH_ALL_LATER || (kind == plan.also_kind && ordinal == plan.also_ordinal))
        return kind->errors[0];
    return 0;
}

/* Count a call. Gives what it is to fail with, or 0. */
static int strike(const char *name, const char *detail)
{
    const struct fault_kind *kind;
    struct fault_call *call;

    if (!armed)
        return 0;
    if (fault_record->count == FAULT_MAX_CALLS)
        abort();
    kind = kind_of(name, detail);
    call = &fault_record->calls[fault_record->count++];
    call->kind = kind;
    call->ordinal = made[kind - fault_kinds] + 1;
    call->error = error_of(kind);
    if (call->error)
        fault_record->struck[kind - fault_kinds]++;
    return call->error;
}

void faults_prepare(void)
{
    fault_record = mmap(NULL, sizeof(*fault_record), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fault_record == MAP_FAILED)
        abort();
}

void faults_arm(const struct fault_plan *new_plan)
{
    plan = *new_plan;
    fault_record->count = 0;
    fault_record->struck_first = 0;
    memset(made, 0, sizeof(made));
    armed = true;
}

void faults_disarm(void)
{
    armed = false;
}

const char *fault_error_name(int error)
{
    static char number[16];
    const char *name = error > 0 ? strerrorname_np(error) : NULL;

    if (error == FAULT_SHORT)
        return "half a write";
    if (error == FAULT_NOTHING)
        return "a write of nothing";
    snprintf(number, sizeof(number), "%d", error);
    return name ? name : number;
}

/* ------------------------------------------------------------------- what is held -- */

enum holding { HEAP, DESCRIPTOR, STREAM, LIBRARY, MAPPING };

static const char *const holding_names[] = {"heap block", "descriptor", "directory stream",
                                            "library", "mapping"};

static struct held {
    enum holding what;
    uintptr_t which;
    size_t size;   /* of a mapping */
    bool orphaned; /* what would have freed it was made to fail */
} held[4096];

static size_t held_count;

static void hold(enum holding what, uintptr_t which, size_t size)
{
    if (held_count == sizeof(held) / sizeof(held[0]))
        abort();
    held[held_count++] = (struct held){what, which, size, false};
}

static void let_go(enum holding what, uintptr_t which)
{
    for (size_t i = 0; i < held_count; i++)
        if (held[i].what == what && held[i].which == which) {
            held[i] = held[--held_count];
            return;
        }
}

/* Pages from the start or the end of a mapping have gone. */
static void let_pages_go(uintptr_t from, size_t size)
{
    for (size_t i = 0; i < held_count; i++) {
        struct held *mapping = &held[i];

        if (mapping->what != MAPPING || from + size <= mapping->which ||
            from >= mapping->which + mapping->size)
            continue;
        if (from <= mapping->which && from + size >= mapping->which + mapping->size) {
            held[i--] = held[--held_count];
        } else if (from <= mapping->which) {
            mapping->size -= from + size - mapping->which;
            mapping->which = from + size;
        } else {
            mapping->size = from - mapping->which;
        }
    }
}

size_t faults_held(void)
{
    return held_count;
}

void faults_list_held(void (*visit)(const char *what, const void *which))
{
    for (size_t i = 0; i < held_count; i++)
        visit(holding_names[held[i].what], (const void *)held[i].which);
}

int __real_munmap(void *from, size_t size);
int __real_close(int fd);

/* By the real functions: the compiler takes it for granted that munmap(2) changes nothing here. */
void faults_clean_up(void)
{
    for (size_t i = 0; i < held_count;)
        if (held[i].orphaned) {
            __real_munmap((void *)held[i].which, held[i].size);
            let_pages_go(held[i].which, held[i].size);
        } else {
            i++;
        }
}

void faults_forget_descriptors(void)
{
    for (size_t i = 0; i < held_count;)
        if (held[i].what == DESCRIPTOR) {
            __real_close((int)held[i].which);
            held[i] = held[--held_count];
        } else {
            i++;
        }
}

/* --------------------------------------------------------------------- the wrappers -- */

/* A function `NAME`, as librst calls it, and the real one. */
#define WRAP(type, name, parameters)                                                               \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters

/* Leave nonsense in errno where `worked`, and give the result. */
#define RESULT(result, worked)                                                                     \
    return (armed && (worked) ? (void)(errno = NONSENSE) : (void)0), result

#define FAIL(error, result)                                                                        \
    do {                                                                                           \
        errno = (error);                                                                           \
        return result;                                                                             \
    } while (0)

WRAP(void *, calloc, (size_t count, size_t size))
{
    int error = strike("calloc", NULL);
    void *block;

    if (error)
        FAIL(error, NULL);
    block = __real_calloc(count, size);
    if (block)
        hold(HEAP, (uintptr_t)block, size);
    RESULT(block, block);
}

WRAP(char *, strdup, (const char *text))
{
    int error = strike("strdup", NULL);
    char *block;

    if (error)
        FAIL(error, NULL);
    block = __real_strdup(text);
    if (block)
        hold(HEAP, (uintptr_t)block, 0);
    RESULT(block, block);
}

WRAP(void, free, (void *block))
{
    strike("free", NULL);
    if (block)
        let_go(HEAP, (uintptr_t)block);
    __real_free(block);
    if (armed)
        errno = NONSENSE;
}

WRAP(int, pthread_atfork, (void (*prepare)(void), void (*parent)(void), void (*child)(void)))
{
    int error = strike("pthread_atfork", NULL);

    return error ? error : __real_pthread_atfork(prepare, parent, child);
}

WRAP(int, pthread_mutex_timedlock, (pthread_mutex_t * mutex, const struct timespec *until))
{
    int error = strike("pthread_mutex_timedlock", NULL);

    return error ? error : __real_pthread_mutex_timedlock(mutex, until);
}

WRAP(int, uname, (struct utsname * name))
{
    int error = strike("uname", NULL);

    if (error)
        FAIL(error, -1);
    RESULT(__real_uname(name), true);
}

WRAP(int, prctl, (int option, ...))
{
    int error = strike("prctl", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_prctl(option, 0L, 0L, 0L, 0L);
    RESULT(result, result >= 0);
}

/* librst calls it without arguments, and the test's tracer with five. */
WRAP(long, syscall, (long number, ...))
{
    int error = strike("syscall", NULL);
    long argument[5];
    va_list list;

    if (error)
        FAIL(error, -1);
    va_start(list, number);
    for (size_t i = 0; i < 5; i++)
        argument[i] = va_arg(list, long);
    va_end(list);
    return __real_syscall(number, argument[0], argument[1], argument[2], argument[3], argument[4]);
}

WRAP(int, memfd_create, (const char *name, unsigned flags))
{
    int error = strike("memfd_create", flags & 0x0008U /* MFD_NOEXEC_SEAL */ ? "new" : "old"), fd;

    if (error)
        FAIL(error, -1);
    fd = __real_memfd_create(name, flags);
    if (fd >= 0)
        hold(DESCRIPTOR, (uintptr_t)fd, 0);
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
    error = strike("fcntl64", fcntl_detail(command, argument));
    if (error)
        FAIL(error, -1);
    result = __real_fcntl64(fd, command, argument);
    if (command == F_DUPFD_CLOEXEC && result >= 0)
        hold(DESCRIPTOR, (uintptr_t)result, 0);
    RESULT(result, result >= 0);
}

/* The descriptor is gone whatever close(2) says. */
WRAP(int, close, (int fd))
{
    int error = strike("close", NULL), result;

    result = __real_close(fd);
    if (result == 0)
        let_go(DESCRIPTOR, (uintptr_t)fd);
    if (error)
        FAIL(error, -1);
    RESULT(result, result == 0);
}

WRAP(ssize_t, readlink, (const char *path, char *buffer, size_t size))
{
    int error = strike("readlink", NULL);
    ssize_t length;

    if (error)
        FAIL(error, -1);
    length = __real_readlink(path, buffer, size);
    RESULT(length, length >= 0);
}

WRAP(int, stat64, (const char *path, struct stat *status))
{
    int error = strike("stat64", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_stat64(path, status);
    RESULT(result, result == 0);
}

WRAP(int, fstat64, (int fd, struct stat *status))
{
    int error = strike("fstat64", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_fstat64(fd, status);
    RESULT(result, result == 0);
}

WRAP(int, fstatat64, (int directory, const char *path, struct stat *status, int flags))
{
    int error = strike("fstatat64", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_fstatat64(directory, path, status, flags);
    RESULT(result, result == 0);
}

WRAP(int, statvfs64, (const char *path, struct statvfs *status))
{
    int error = strike("statvfs64", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_statvfs64(path, status);
    RESULT(result, result == 0);
}

WRAP(int, getrlimit64, (int resource, struct rlimit *limit))
{
    int error = strike("getrlimit64", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_getrlimit64(resource, limit);
    RESULT(result, result == 0);
}

WRAP(int, ftruncate64, (int fd, off_t size))
{
    int error = strike("ftruncate64", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_ftruncate64(fd, size);
    RESULT(result, result == 0);
}

WRAP(ssize_t, pwrite64, (int fd, const void *bytes, size_t size, off_t at))
{
    int error = strike("pwrite64", NULL);
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
    int error = strike("mkdir", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_mkdir(path, mode);
    RESULT(result, result == 0);
}

WRAP(int, rmdir, (const char *path))
{
    int error = strike("rmdir", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_rmdir(path);
    RESULT(result, result == 0);
}

WRAP(int, unlinkat, (int directory, const char *path, int flags))
{
    int error = strike("unlinkat", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_unlinkat(directory, path, flags);
    RESULT(result, result == 0);
}

WRAP(int, open64, (const char *path, int flags, ...))
{
    int error = strike("open64", NULL), fd;
    va_list list;
    mode_t mode;

    va_start(list, flags);
    mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
    va_end(list);
    if (error)
        FAIL(error, -1);
    fd = __real_open64(path, flags, mode);
    if (fd >= 0)
        hold(DESCRIPTOR, (uintptr_t)fd, 0);
    RESULT(fd, fd >= 0);
}

WRAP(int, openat64, (int directory, const char *path, int flags, ...))
{
    int error = strike("openat64", flags & O_CREAT       ? "create"
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
        hold(DESCRIPTOR, (uintptr_t)fd, 0);
    RESULT(fd, fd >= 0);
}

WRAP(DIR *, fdopendir, (int fd))
{
    int error = strike("fdopendir", NULL);
    DIR *stream;

    if (error)
        FAIL(error, NULL);
    stream = __real_fdopendir(fd);
    if (stream)
        hold(STREAM, (uintptr_t)stream, 0);
    RESULT(stream, stream);
}

WRAP(struct dirent *, readdir64, (DIR * stream))
{
    int error = strike("readdir64", NULL);

    if (error)
        FAIL(error, NULL);
    return __real_readdir64(stream);
}

WRAP(int, closedir, (DIR * stream))
{
    int error = strike("closedir", NULL), result;

    let_go(DESCRIPTOR, (uintptr_t)dirfd(stream));
    let_go(STREAM, (uintptr_t)stream);
    result = __real_closedir(stream);
    if (error)
        FAIL(error, -1);
    RESULT(result, result == 0);
}

static bool dl_failed; /* so that there are words for it, but not the linker's own */

WRAP(void *, dlopen, (const char *path, int flags))
{
    int error = strike("dlopen", flags & RTLD_NOLOAD ? "known" : "load");
    void *handle;

    dl_failed = error != 0;
    if (error)
        FAIL(error, NULL);
    handle = __real_dlopen(path, flags);
    if (handle)
        hold(LIBRARY, (uintptr_t)handle, 0);
    RESULT(handle, true);
}

WRAP(int, dlinfo, (void *handle, int request, void *info))
{
    int error = strike("dlinfo", NULL), result;

    dl_failed = error != 0;
    if (error)
        FAIL(error, -1);
    result = __real_dlinfo(handle, request, info);
    RESULT(result, true);
}

WRAP(char *, dlerror, (void))
{
    static char words[] = "cannot map the segments of a shared object";

    strike("dlerror", NULL);
    if (!dl_failed)
        return __real_dlerror();
    dl_failed = false;
    return words;
}

/* It fails only for what is no library's handle. */
WRAP(int, dlclose, (void *handle))
{
    int error = strike("dlclose", NULL), result;

    let_go(LIBRARY, (uintptr_t)handle);
    result = __real_dlclose(handle);
    if (error)
        FAIL(error, -1);
    RESULT(result, result == 0);
}

WRAP(void *, mmap64, (void *at, size_t size, int protection, int flags, int fd, off_t offset))
{
    int error = strike("mmap64", flags & MAP_ANONYMOUS ? "anonymous" : "backing");
    void *mapping;

    if (error)
        FAIL(error, MAP_FAILED);
    mapping = __real_mmap64(at, size, protection, flags, fd, offset);
    if (mapping != MAP_FAILED && !(flags & MAP_FIXED)) /* else it replaces what is the linker's */
        hold(MAPPING, (uintptr_t)mapping, size);
    RESULT(mapping, mapping != MAP_FAILED);
}

WRAP(int, mprotect, (void *from, size_t size, int protection))
{
    int error = strike("mprotect", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_mprotect(from, size, protection);
    RESULT(result, result == 0);
}

WRAP(void *, mremap, (void *from, size_t size, size_t new_size, int flags, ...))
{
    int error = strike("mremap", NULL);
    void *to, *result;
    va_list list;

    va_start(list, flags);
    to = va_arg(list, void *);
    va_end(list);
    if (error)
        FAIL(error, MAP_FAILED);
    result = __real_mremap(from, size, new_size, flags, to);
    if (result != MAP_FAILED)
        let_pages_go((uintptr_t)from, size);
    RESULT(result, result != MAP_FAILED);
}

static void orphan_pages(uintptr_t from, size_t size)
{
    for (size_t i = 0; i < held_count; i++)
        if (held[i].what == MAPPING && from < held[i].which + held[i].size &&
            held[i].which < from + size)
            held[i].orphaned = true;
}

WRAP(int, munmap, (void *from, size_t size))
{
    int error = strike("munmap", NULL), result;

    if (error) {
        orphan_pages((uintptr_t)from, size);
        FAIL(error, -1);
    }
    result = __real_munmap(from, size);
    if (result == 0)
        let_pages_go((uintptr_t)from, size);
    RESULT(result, result == 0);
}
