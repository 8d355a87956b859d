/* SPDX-License-Identifier: MIT */
/*
 * What the wrappers are made with.
 */
#ifndef FAULTS_WRAPPER_H
#define FAULTS_WRAPPER_H

#include <errno.h>

#include "held_resources.h"
#include "wrap.h"

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
