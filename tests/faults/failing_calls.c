/* SPDX-License-Identifier: MIT */
/*
 * The calls that librst makes, by kind: what each can fail with, and what that may lead to. And the
 * record of those that it made.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "wrap.h"

/* The kind of a call is the first row with its name and detail. */
const struct fault_kind fault_kinds[] = {
    {"calloc", NULL, FATAL, "no memory", {ENOMEM}, {0}},
    {"strdup", NULL, FATAL, "no memory", {ENOMEM}, {0}},
    {"free", NULL, HARMLESS, NULL, {0}, {0}},
    {"pthread_atfork", NULL, FATAL, "pthread_atfork", {ENOMEM}, {0}},
    {"pthread_mutex_trylock", NULL, LITTERS, NULL, {EBUSY}, {0}},
    {"pthread_create", NULL, HARMLESS, NULL, {EAGAIN, EPERM}, {0}},
#ifdef __GLIBC__
    {"sem_clockwait", NULL, HARMLESS, NULL, {0}, {EINTR}},
#endif

    {"uname", NULL, HARMLESS, NULL, {EFAULT}, {0}},
    {"prctl", NULL, HARMLESS, NULL, {EINVAL}, {0}},
    {"syscall", NULL, HARMLESS, NULL, {ENOSYS, EPERM}, {0}},

    {"memfd_create", "new", FATAL, "memfd_create", {ENOSYS, EMFILE, EPERM, ENOMEM}, {EINVAL}},
    {"memfd_create", "old", FATAL, "memfd_create", {ENOSYS, EMFILE, EINVAL}, {0}},
    {"fcntl64", "F_ADD_SEALS", FATAL, "F_ADD_SEALS", {EPERM, EBUSY, EINVAL}, {0}},
    {"fcntl64", "F_DUPFD", FATAL, "F_DUPFD", {EMFILE, EINVAL}, {0}},
    {"readlink", NULL, FATAL, "/proc/self", {ENOENT, EACCES}, {0}},
    {"stat64", "memfd", FATAL, "/proc/", {ENOENT, EACCES}, {0}},
    {"stat64", "file", LITTERS, NULL, {EACCES, ENOENT}, {0}},
    {"lstat64", NULL, FATAL, "directory", {EACCES, ELOOP}, {ENOENT}},
    {"realpath", NULL, FATAL, "directory", {EACCES, ENOENT, ENOMEM}, {0}},
    {"fstat64", NULL, FATAL, "fstat", {EIO, ENOMEM}, {0}},
#ifdef STATX_INO
    {"statx", NULL, HARMLESS, NULL, {ENOSYS}, {0}},
#endif
    {"getrlimit64", NULL, HARMLESS, NULL, {EINVAL}, {0}},
    {"ftruncate64", NULL, FATAL, "ftruncate", {ENOSPC, EIO, EINTR}, {0}},
    {"pwrite64", NULL, FATAL, "write", {ENOSPC, EIO, FAULT_NOTHING}, {EINTR, FAULT_SHORT}},

    {"statvfs64", NULL, FATAL, "directory", {ENOENT, EACCES}, {0}},
    {"mkdir", NULL, FATAL, "mkdir", {ENOSPC, EROFS, EACCES}, {0}},
    {"open64", "directory", FATAL, "directory", {EMFILE, ELOOP, EACCES}, {0}},
    {"open64", "pin", FATAL, "open", {EMFILE, EACCES}, {0}},
    {"open64", "again", LITTERS, NULL, {EMFILE, EACCES}, {0}},
    {"openat64", "nameless", FATAL, "nameless", {EMFILE, EOPNOTSUPP}, {0}},
    {"openat64", "create", FATAL, "file", {ENOSPC, EMFILE, EACCES}, {ENOENT}},
    {"openat64", "sweep", HARMLESS, NULL, {EMFILE, EACCES}, {0}},
    {"openat64", "lease", LITTERS, NULL, {EMFILE, EACCES}, {0}},
    {"flock", NULL, LITTERS, NULL, {EWOULDBLOCK, ENOLCK}, {0}},
    {"kill", NULL, LITTERS, NULL, {EPERM, ESRCH}, {0}},
    {"fdopendir", NULL, LITTERS, NULL, {ENOMEM}, {0}},
    {"readdir64", NULL, LITTERS, NULL, {EIO}, {0}},
    {"closedir", NULL, HARMLESS, NULL, {EIO}, {0}},
    {"fcntl64", "F_SETSIG", LITTERS, NULL, {EINVAL}, {0}},
    {"fcntl64", "F_SETLEASE", LITTERS, NULL, {EAGAIN, EINVAL, ENOLCK}, {0}},
    {"fcntl64", "F_SETLEASE F_UNLCK", HARMLESS, NULL, {EINVAL}, {0}},
    {"unlink", NULL, LITTERS, NULL, {EBUSY, EROFS}, {0}},
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
    {"mprotect", "executable", FATAL, "mprotect", {ENOMEM}, {EACCES, EPERM}},
    {"mprotect", NULL, FATAL, "mprotect", {ENOMEM, EACCES}, {0}},
    {"mremap", NULL, FATAL, "mremap", {ENOMEM, EFAULT, FAULT_HOLE}, {EINTR}},
    {"munmap", NULL, HARMLESS, NULL, {ENOMEM}, {0}},
};

const size_t fault_kind_count = sizeof(fault_kinds) / sizeof(fault_kinds[0]);

struct fault_record *fault_record;

bool faults_armed;
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
int faults_strike(const char *name, const char *detail)
{
    const struct fault_kind *kind;
    struct fault_call *call;

    if (!faults_armed)
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
    faults_armed = true;
}

void faults_disarm(void)
{
    faults_armed = false;
}

const char *fault_error_name(int error)
{
    static char number[16];
#ifdef __GLIBC__
    const char *name = error > 0 ? strerrorname_np(error) : NULL;
#else
    const char *name = NULL;
#endif

    if (error == FAULT_SHORT)
        return "half a write";
    if (error == FAULT_NOTHING)
        return "a write of nothing";
    if (error == FAULT_HOLE)
        return "ENOMEM after unmapping";
    snprintf(number, sizeof(number), "%d", error);
    return name ? name : number;
}
