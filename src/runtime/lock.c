/* SPDX-License-Identifier: MIT */
#include "runtime/lock.h"

#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool exiting; /* under the lock */

/* This thread is forking and has the lock. */
static _Thread_local bool forking;

void rst_lock(void)
{
    if (!forking)
        pthread_mutex_lock(&lock);
}

void rst_unlock(void)
{
    if (!forking)
        pthread_mutex_unlock(&lock);
}

int rst_uncancel(void)
{
    int old;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    return old;
}

void rst_cancel_again(const int *old)
{
    pthread_setcancelstate(*old, NULL);
}

bool rst_exiting(void)
{
    return exiting;
}

static unsigned unlisted; /* loads and frees under way, whose objects are not listed as open */
static pthread_cond_t listed = PTHREAD_COND_INITIALIZER;

void rst_unlisted_begin(void)
{
    unlisted++;
}

void rst_unlisted_end(void)
{
    unlisted--;
    pthread_cond_broadcast(&listed);
}

static struct timespec in_seconds(clockid_t clock, time_t seconds)
{
    struct timespec time;

    clock_gettime(clock, &time);
    time.tv_sec += seconds;
    return time;
}

/* ------------------------------------------------------------------------ forking -- */

/*
 * A child that is forked while another thread is in the dynamic linker gets it half-way: the next
 * dlopen(3) there would abort. So a fork waits for our calls of the linker to end, and lets none
 * begin. Not for ever: the forking thread may be in a library's constructor, and so have the
 * linker's lock, for which a call of ours then waits.
 */
#define FORK_WAIT 1 /* seconds */

static unsigned linking; /* calls of the linker under way */
static unsigned forks;   /* that wait for them */
static pthread_cond_t linking_changed = PTHREAD_COND_INITIALIZER;

void rst_linking_begin(void)
{
    rst_lock();
    while (forks > 0 && !forking)
        pthread_cond_wait(&linking_changed, &lock);
    linking++;
    rst_unlock();
}

void rst_linking_end(void)
{
    rst_lock();
    linking--;
    pthread_cond_broadcast(&linking_changed);
    rst_unlock();
}

void rst_lock_to_fork(void)
{
    struct timespec until = in_seconds(CLOCK_MONOTONIC, FORK_WAIT);

    rst_lock();
    forks++;
    while (linking > 0 &&
           pthread_cond_clockwait(&linking_changed, &lock, CLOCK_MONOTONIC, &until) == 0)
        ;
    forking = true;
}

void rst_unlock_forked_parent(void)
{
    forks--;
    pthread_cond_broadcast(&linking_changed);
    forking = false;
    rst_unlock();
}

void rst_unlock_forked_child(void)
{
    static const pthread_cond_t fresh = PTHREAD_COND_INITIALIZER;

    linking_changed = listed = fresh; /* nobody waits here */
    linking = forks = unlisted = 0;
    forking = false;
    rst_unlock();
}

/* ------------------------------------------------------------------------ exiting -- */

#define EXIT_WAIT 1 /* seconds */
#define EXIT_POLL_NS 1000000L

static bool is_over(const struct timespec *until)
{
    struct timespec now = in_seconds(CLOCK_MONOTONIC, 0);

    return now.tv_sec > until->tv_sec ||
           (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
}

/* Not by pthread_mutex_clocklock(3), of which ThreadSanitizer knows nothing: it would complain of
 * the unlock, at the end of each program that it watches. */
static bool lock_until(const struct timespec *until)
{
    const struct timespec nap = {.tv_nsec = EXIT_POLL_NS};

    while (pthread_mutex_trylock(&lock) != 0) {
        if (is_over(until))
            return false;
        nanosleep(&nap, NULL);
    }
    return true;
}

bool rst_lock_to_exit(void)
{
    struct timespec until = in_seconds(CLOCK_MONOTONIC, EXIT_WAIT);

    if (!lock_until(&until))
        return false;
    exiting = true;
    while (unlisted > 0 && pthread_cond_clockwait(&listed, &lock, CLOCK_MONOTONIC, &until) == 0)
        ;
    return true;
}
