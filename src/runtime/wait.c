/* SPDX-License-Identifier: MIT */
#include "runtime/wait.h"

#include <errno.h>

#define NAP_NS 1000000L

struct timespec rst_in_seconds(time_t seconds)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += seconds;
    return time;
}

bool rst_is_over(const struct timespec *until)
{
    struct timespec now = rst_in_seconds(0);

    return now.tv_sec > until->tv_sec ||
           (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
}

void rst_nap(void)
{
    const struct timespec nap = {.tv_nsec = NAP_NS};

    nanosleep(&nap, NULL);
}

int rst_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until)
{
#ifdef RST_HAS_CLOCKWAIT
    return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, until);
#else
    (void)condition;
    if (rst_is_over(until))
        return ETIMEDOUT;
    pthread_mutex_unlock(mutex);
    rst_nap();
    pthread_mutex_lock(mutex);
    return 0;
#endif
}
