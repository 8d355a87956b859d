/* SPDX-License-Identifier: MIT */
#include "runtime/lock.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

#include "runtime/wait.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool exiting; /* under the lock */

/* This thread is forking and has the lock. */
static _Thread_local bool forking;

/*
 * This thread is about to take the lock, or has only just released it; and between these, it has
 * it. Two flags, since a signal may come between the call and the note of it.
 */
static _Thread_local bool near, holding;

/* It has it, or is about to, by rst_lock_briefly(). */
static _Thread_local bool brief;

/* The thread that has it, from a moment after it took it to one before it releases it. It isn't
 * this thread while `holding` is false. */
static const void *owner;

static void set_owner(const void *thread)
{
    __atomic_store_n(&owner, thread, __ATOMIC_RELAXED);
}

static void note_lock(void)
{
    holding = true;
    set_owner(rst_this_thread());
}

static void note_unlock(void)
{
    set_owner(NULL);
    holding = false;
}

/* ------------------------------------------------------------------- undisturbed -- */

static _Thread_local unsigned undisturbed; /* how many calls, one in the other */
static _Thread_local sigset_t signals_before;

/* What says that an instruction went wrong can't wait until the next one; nor can what answers
 * for a system call that a filter refused. */
static const int urgent[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT};

static void hold_signals(void)
{
    sigset_t held, before;

    if (undisturbed == 0) {
        sigfillset(&held);
        for (size_t i = 0; i < sizeof(urgent) / sizeof(urgent[0]); i++)
            sigdelset(&held, urgent[i]);
        pthread_sigmask(SIG_BLOCK, &held, &before);
        signals_before = before;
    }
    undisturbed++;
}

static void release_signals(void)
{
    sigset_t before = signals_before; /* a handler may call us as soon as it can */

    if (--undisturbed == 0)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int rst_undisturb(void)
{
    int old;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    hold_signals();
    return old;
}

void rst_disturb_again(const int *old)
{
    release_signals();
    pthread_setcancelstate(*old, NULL);
}

/* ----------------------------------------------------------------------- the lock -- */

static void (*due)(void); /* what a fork could not do: under the lock */

void rst_lock(void)
{
    if (forking)
        return;
    hold_signals();
    near = true;
    pthread_mutex_lock(&lock);
    note_lock();
}

static void release(void)
{
    note_unlock();
    pthread_mutex_unlock(&lock);
    near = false;
    release_signals();
}

void rst_unlock(void)
{
    void (*work)(void);

    if (forking)
        return;
    work = __atomic_exchange_n(&due, NULL, __ATOMIC_RELAXED);
    if (work)
        work();
    release();
}

void rst_lock_briefly(void)
{
    if (forking)
        return;
    brief = near = true;
    if (pthread_mutex_trylock(&lock) != 0) {
        /* A handler that forks while this thread waits would take it for the one that has the lock.
         */
        hold_signals();
        pthread_mutex_lock(&lock);
        note_lock();
        release_signals();
    }
    note_lock();
}

/* A signal may come at any moment: only when the lock is released is it sure that nothing is due.
 */
void rst_unlock_briefly(void)
{
    if (forking)
        return;
    note_unlock();
    pthread_mutex_unlock(&lock);
    brief = near = false;
    if (__atomic_load_n(&due, __ATOMIC_RELAXED)) {
        rst_lock();
        rst_unlock();
    }
}

/* Gives 0, or ETIMEDOUT; without `until`, it waits for ever. */
static int wait_for(pthread_cond_t *condition, const struct timespec *until)
{
    int error;

    note_unlock();
    if (until)
        error = rst_wait_until(condition, &lock, until);
    else
        error = pthread_cond_wait(condition, &lock);
    note_lock();
    return error;
}

bool rst_exiting(void)
{
    return exiting;
}

static unsigned unlisted; /* loads and frees under way, whose objects are not listed as open */
static _Thread_local unsigned own_unlisted; /* of these, this thread's */
static pthread_cond_t listed = PTHREAD_COND_INITIALIZER;

void rst_unlisted_begin(void)
{
    unlisted++;
    own_unlisted++;
}

void rst_unlisted_end(void)
{
    unlisted--;
    own_unlisted--;
    pthread_cond_broadcast(&listed);
}

/* Not by pthread_mutex_clocklock(3), of which ThreadSanitizer knows nothing: it would complain of
 * the unlock, at the end of each program that it watches. */
static bool lock_until(const struct timespec *until)
{
    while (pthread_mutex_trylock(&lock) != 0) {
        if (rst_is_over(until))
            return false;
        rst_nap();
    }
    return true;
}

/* ------------------------------------------------------------------------ forking -- */

/*
 * A child that is forked while another thread is in the dynamic linker gets it half-way: the next
 * dlopen(3) there would abort. So a fork waits for our calls of the linker to end, and lets none
 * begin. Not for ever: the forking thread may be in a library's constructor, and so have the
 * linker's lock, for which a call of ours then waits.
 */
#define FORK_WAIT 1 /* seconds */

static unsigned linking;                   /* calls of the linker under way */
static _Thread_local unsigned own_linking; /* of these, this thread's */
static unsigned forks;                     /* that wait for them */
static pthread_cond_t linking_changed = PTHREAD_COND_INITIALIZER;

/* The thread that forks had the lock before: the fork is a signal handler's. */
static _Thread_local bool had_lock;

void rst_linking_begin(void)
{
    rst_lock();
    while (forks > 0 && !forking)
        wait_for(&linking_changed, NULL);
    linking++;
    own_linking++;
    rst_unlock();
}

void rst_linking_end(void)
{
    rst_lock();
    linking--;
    own_linking--;
    pthread_cond_broadcast(&linking_changed);
    rst_unlock();
}

/*
 * Take the lock, or find that this thread has it: a signal came a moment before it noted that it
 * has it, or after it noted that it has not. Nobody is the owner then, and it stays so. Another
 * thread may be at the same point, but not for as long as this waits: it has no more to do there
 * than to note it.
 */
#define OWNERLESS_NAPS 100 /* of a millisecond */

static bool lock_unless_own(void)
{
    unsigned naps = 0;

    while (pthread_mutex_trylock(&lock) != 0) {
        naps = __atomic_load_n(&owner, __ATOMIC_RELAXED) ? 0 : naps + 1;
        if (naps > OWNERLESS_NAPS)
            return false;
        rst_nap();
    }
    return true;
}

/* Gives whether this thread had it already. */
static bool take_lock_to_fork(void)
{
    if (holding || (near && !lock_unless_own()))
        return true;
    if (!near)
        pthread_mutex_lock(&lock);
    set_owner(rst_this_thread());
    return false;
}

/* Gives whether it is still time. */
static bool await_linking(const struct timespec *until)
{
    int error;

    set_owner(NULL);
    error = rst_wait_until(&linking_changed, &lock, until);
    set_owner(rst_this_thread());
    return error == 0;
}

void rst_lock_to_fork(void)
{
    struct timespec until = rst_in_seconds(FORK_WAIT);

    hold_signals();
    had_lock = take_lock_to_fork();
    forks++;
    while (!had_lock && linking > own_linking && await_linking(&until))
        ;
    forking = true;
}

bool rst_forking_amid_work(void)
{
    return had_lock && !brief;
}

static void unlock_forked(void (*later)(void))
{
    if (!had_lock && later)
        later();
    forking = false;
    if (had_lock) {
        if (later)
            __atomic_store_n(&due, later, __ATOMIC_RELAXED);
    } else {
        set_owner(NULL);
        pthread_mutex_unlock(&lock);
    }
    had_lock = false;
    release_signals();
}

void rst_unlock_forked_parent(void (*later)(void))
{
    forks--;
    pthread_cond_broadcast(&linking_changed);
    unlock_forked(later);
}

void rst_unlock_forked_child(void (*later)(void))
{
    static const pthread_cond_t fresh = PTHREAD_COND_INITIALIZER;

    linking_changed = listed = fresh; /* nobody waits here */
    linking = own_linking;
    unlisted = own_unlisted;
    forks = 0;
    unlock_forked(later);
}

const void *rst_this_thread(void)
{
    return &forking;
}

/* ------------------------------------------------------------------------ exiting -- */

#define EXIT_WAIT 1 /* seconds */

bool rst_lock_to_exit(void)
{
    struct timespec until = rst_in_seconds(EXIT_WAIT);

    hold_signals();
    near = true;
    /* A handler may exit amid a look-up, which leaves the objects whole. */
    holding = (holding && brief) || lock_until(&until);
    if (!holding) {
        near = false;
        release_signals();
        return false;
    }
    note_lock();
    exiting = true;
    while (unlisted > 0 && wait_for(&listed, &until) == 0)
        ;
    return true;
}
