/* SPDX-License-Identifier: MIT */
/*
 * The wrappers of what is about memory, libraries and the process. With wrap_files.c, one for each
 * function in meson.build's list.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>

#include "wrapper.h"

bool faults_kernel_has_nop5;

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

WRAP(int, pthread_mutex_trylock, (pthread_mutex_t * mutex))
{
    int error = faults_strike("pthread_mutex_trylock", NULL);

    return error ? error : __real_pthread_mutex_trylock(mutex);
}

WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*start)(void *), void *data))
{
    int error = faults_strike("pthread_create", NULL);

    return error ? error : __real_pthread_create(thread, attributes, start, data);
}

#ifdef __GLIBC__
WRAP(int, sem_clockwait, (sem_t * semaphore, clockid_t clock, const struct timespec *until))
{
    int error = faults_strike("sem_clockwait", NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_sem_clockwait(semaphore, clock, until);
    RESULT(result, result == 0);
}
#endif

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
    if (mapping != MAP_FAILED &&
        !(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) /* else it replaces what is the linker's */
        faults_hold(MAPPING, (uintptr_t)mapping, size);
    RESULT(mapping, mapping != MAP_FAILED);
}

WRAP(int, mprotect, (void *from, size_t size, int protection))
{
    int error = faults_strike("mprotect", protection & PROT_EXEC ? "executable" : NULL), result;

    if (error)
        FAIL(error, -1);
    result = __real_mprotect(from, size, protection);
    RESULT(result, result == 0);
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

WRAP(void *, mremap, (void *from, size_t size, size_t new_size, int flags, ...))
{
    int error = faults_strike("mremap", NULL);
    void *to, *result;
    va_list list;

    va_start(list, flags);
    to = va_arg(list, void *);
    va_end(list);
    if (error == FAULT_HOLE) {
        __real_munmap(to, size);
        FAIL(ENOMEM, MAP_FAILED);
    }
    if (error)
        FAIL(error, MAP_FAILED);
    result = __real_mremap(from, size, new_size, flags, to);
    if (result != MAP_FAILED)
        faults_let_pages_go((uintptr_t)from, size);
    RESULT(result, result != MAP_FAILED);
}
