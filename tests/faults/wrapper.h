/* SPDX-License-Identifier: MIT */
/*
 * What the wrappers are made with.
 */
#ifndef FAULTS_WRAPPER_H
#define FAULTS_WRAPPER_H

#include <errno.h>

#include "held_resources.h"
#include "wrap.h"

#ifndef __GLIBC__ /* with musl, file sizes have 64 bits anyway, and the functions their plain      \
                     names */
/* clang-format off */
#define __wrap_fcntl64 __wrap_fcntl
#define __real_fcntl64 __real_fcntl
#define __wrap_fstat64 __wrap_fstat
#define __real_fstat64 __real_fstat
#define __wrap_ftruncate64 __wrap_ftruncate
#define __real_ftruncate64 __real_ftruncate
#define __wrap_getrlimit64 __wrap_getrlimit
#define __real_getrlimit64 __real_getrlimit
#define __wrap_lstat64 __wrap_lstat
#define __real_lstat64 __real_lstat
#define __wrap_mmap64 __wrap_mmap
#define __real_mmap64 __real_mmap
#define __wrap_open64 __wrap_open
#define __real_open64 __real_open
#define __wrap_openat64 __wrap_openat
#define __real_openat64 __real_openat
#define __wrap_pwrite64 __wrap_pwrite
#define __real_pwrite64 __real_pwrite
#define __wrap_readdir64 __wrap_readdir
#define __real_readdir64 __real_readdir
#define __wrap_stat64 __wrap_stat
#define __real_stat64 __real_stat
#define __wrap_statvfs64 __wrap_statvfs
#define __real_statvfs64 __real_statvfs
/* clang-format on */
#endif

#define NONSENSE EXFULL /* what a successful call leaves in errno */

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

#endif
