/* SPDX-License-Identifier: MIT */
/*
 * Waiting until a moment of the monotonic clock, which no change of the time of day moves.
 *
 * Only glibc (from 2.30 on) has calls that do it. With another C library, a wait is a row of short
 * ones: these waits are rare, and a second at most.
 */
#ifndef RST_WAIT_H
#define RST_WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#if defined(__GLIBC__) && defined(_GNU_SOURCE)
#if __GLIBC_PREREQ(2, 30)
#define RST_HAS_CLOCKWAIT
#endif
#endif

/* The moment that is so many seconds from now, and whether it is over. */
struct timespec rst_in_seconds(time_t seconds);
bool rst_is_over(const struct timespec *until);

/* One of the short waits. */
void rst_nap(void);

/* Gives 0, also where nothing has happened, or ETIMEDOUT. `mutex` is locked. */
int rst_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until);

#endif
