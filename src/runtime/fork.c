/* SPDX-License-Identifier: MIT */
/*
 * What the process does to librst's objects: it forks, and it exits.
 */
#include "runtime/provider.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "error.h"
#include "runtime/linker.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool exiting; /* under the lock */

/* This thread is forking and has the lock: the program's own fork handlers may call us, too. */
static _Thread_local bool forking;

rst_provider *rst_providers;

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

const struct rst_arch *rst_native_arch(void)
{
#if defined(__x86_64__) && defined(__LP64__)
    return &rst_arch_x86_64;
#else
    return NULL;
#endif
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

static struct timespec in_seconds(clockid_t clock, time_t seconds)
{
    struct timespec time;

    clock_gettime(clock, &time);
    time.tv_sec += seconds;
    return time;
}

static void for_each_open_object(void (*visit)(struct rst_object *object))
{
    for (rst_provider *provider = rst_providers; provider; provider = provider->next)
        for (struct rst_object *object = provider->objects; object; object = object->next)
            if (object->open)
                visit(object);
}

static void prepare_fork(void)
{
    struct timespec until = in_seconds(CLOCK_MONOTONIC, FORK_WAIT);
    int cancel = rst_uncancel();

    rst_lock();
    forks++;
    while (linking > 0 &&
           pthread_cond_clockwait(&linking_changed, &lock, CLOCK_MONOTONIC, &until) == 0)
        ;
    rst_loader_forking();
    forking = true;
    rst_cancel_again(&cancel);
}

static void forked_parent(void)
{
    for_each_open_object(rst_object_forked_parent);
    forks--;
    pthread_cond_broadcast(&linking_changed);
    forking = false;
    rst_unlock();
}

static void repair(struct rst_object *object)
{
    struct rst_kept_error before = rst_error_keep();

    if (rst_object_forked_child(object, rst_native_arch()) < 0)
        rst_probes_detach(object);
    rst_error_restore(&before);
}

/*
 * What another thread of the parent was opening will never be open here: its probes wait for the
 * next load. The object itself stays behind, for that thread may have been anywhere in it.
 */
static void abandon_unopened(rst_provider *provider)
{
    struct rst_object **link = &provider->objects;

    while (*link) {
        struct rst_object *object = *link;

        if (object->open) {
            link = &object->next;
            continue;
        }
        for (size_t i = 0; i < object->count; i++)
            rst_probe_await_load(rst_probe_of(object->probes[i]));
        *link = object->next;
    }
}

static void forked_child(void)
{
    static const pthread_cond_t fresh = PTHREAD_COND_INITIALIZER;

    linking_changed = listed = fresh; /* nobody waits here */
    linking = forks = unlisted = 0;
    rst_loader_forked_child();
    for (rst_provider *provider = rst_providers; provider; provider = provider->next)
        abandon_unopened(provider);
    for_each_open_object(repair);
    forking = false;
    rst_unlock();
}

int rst_process_prepare(void)
{
    static bool prepared;
    int error = 0;

    rst_lock();
    if (!prepared)
        error = pthread_atfork(prepare_fork, forked_parent, forked_child);
    prepared = error == 0;
    rst_unlock();
    return error ? rst_fail_errno(error, "pthread_atfork") : 0;
}

/* ------------------------------------------------------------------------ exiting -- */

#define EXIT_WAIT 1 /* seconds */
#define EXIT_POLL_NS 1000000L

static void remove_file(struct rst_object *object)
{
    if (object->backing.kind != RST_BACKING_FILE)
        return;
    rst_object_hide(object, rst_native_arch()); /* so that we don't count among its users */
    rst_file_remove(&object->backing);
}

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

/*
 * Other threads may go on firing, and loading: from now on that loads nothing. A load or a free
 * that is under way removes its file itself; or it may be stuck, with the lock even. Wait for it a
 * second at most: what then stays is removed by the next program that makes a file there.
 */
__attribute__((destructor)) static void remove_files(void)
{
    struct timespec until = in_seconds(CLOCK_MONOTONIC, EXIT_WAIT);

    if (!lock_until(&until))
        return;
    exiting = true;
    while (unlisted > 0 && pthread_cond_clockwait(&listed, &lock, CLOCK_MONOTONIC, &until) == 0)
        ;
    for_each_open_object(remove_file);
    rst_unlock();
}
