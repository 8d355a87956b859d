/* SPDX-License-Identifier: MIT */
/*
 * close_range(2), of which musl has only the system call's number.
 */
#ifndef TEST_CLOSE_RANGE_H
#define TEST_CLOSE_RANGE_H

#include <unistd.h>

#ifndef __GLIBC__
#include <sys/syscall.h>

static inline int close_range(unsigned first, unsigned last, int flags)
{
    return (int)syscall(SYS_close_range, first, last, flags);
}
#endif

#endif
