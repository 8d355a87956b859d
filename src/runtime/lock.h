/* SPDX-License-Identifier: MIT */
/*
 * The one lock, and what threads that are in the dynamic linker, a fork and an exit need of it.
 *
 * The lock guards every provider, the registry and the list of providers. It is never held while
 * the dynamic linker is called: a library's constructor, which runs under the linker's lock, may
 * declare probes.
 */
#ifndef RST_LOCK_H
#define RST_LOCK_H

#include <stdbool.h>

/* A thread that has the lock is disturbed by no signal but those that say that it has gone wrong:
 * a handler may fork. */
void rst_lock(void);
void rst_unlock(void);

/*
 * For what takes no more than a look-up and a few stores to the registry and a provider's list of
 * probes, and leaves the objects alone. Signals do not wait: to hold them takes two system calls,
 * which cost more than the rest. A handler that forks meanwhile finds the objects whole.
 */
void rst_lock_briefly(void);
void rst_unlock_briefly(void);

/* Around calls of the dynamic linker, which are made without the lock. A fork waits for them. */
void rst_linking_begin(void);
void rst_linking_end(void);

/*
 * Around what is done without the lock to an object that is not yet, or no longer, listed as open:
 * an exit waits for it. Under the lock.
 */
void rst_unlisted_begin(void);
void rst_unlisted_end(void);

/* Whether the program is exiting, and files must no longer be made. Under the lock. */
bool rst_exiting(void);

/*
 * A thread that is cancelled (pthread_cancel(3)) amid one of our calls would leave the lock locked,
 * and a signal handler that forks would take half of what we do into the child. For the rest of the
 * block neither happens: signals wait.
 */
#define RST_UNDISTURBED                                                                            \
    __attribute__((cleanup(rst_disturb_again), unused)) int cancel_state = rst_undisturb()

int rst_undisturb(void);
void rst_disturb_again(const int *old);

/*
 * Before a fork: take the lock when no other thread is in the linker for us, or after a second;
 * until it is released, this thread passes rst_lock(), for the program's own fork handlers may call
 * us, too. After the fork: release it.
 *
 * A handler may fork while its thread has the lock: briefly, or if its signal could not wait. Then
 * `later` is called as that thread releases the lock, else at once; it may be NULL. What the lock
 * guards may be half changed; the objects, too, if rst_forking_amid_work().
 */
void rst_lock_to_fork(void);
bool rst_forking_amid_work(void);
void rst_unlock_forked_parent(void (*later)(void));
void rst_unlock_forked_child(void (*later)(void));

/* Tells threads apart, and stays the same in a forked child. */
const void *rst_this_thread(void);

/*
 * Take the lock for good as the program exits: from then on rst_exiting(). Gives false, without the
 * lock, if another thread keeps it for a second.
 */
bool rst_lock_to_exit(void);

#endif
