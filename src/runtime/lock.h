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

void rst_lock(void);
void rst_unlock(void);

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
 * A thread that is cancelled (pthread_cancel(3)) amid one of our calls would leave the lock locked.
 * For the rest of the block it can't be.
 */
#define RST_UNCANCELLED                                                                            \
    __attribute__((cleanup(rst_cancel_again), unused)) int cancel_state = rst_uncancel()

int rst_uncancel(void);
void rst_cancel_again(const int *old);

/*
 * Before a fork: take the lock when no thread is in the linker for us, or after a second; until it
 * is released, this thread passes rst_lock(), for the program's own fork handlers may call us, too.
 * After the fork: release it.
 */
void rst_lock_to_fork(void);
void rst_unlock_forked_parent(void);
void rst_unlock_forked_child(void);

/*
 * Take the lock for good as the program exits: from then on rst_exiting(). Gives false, without the
 * lock, if another thread keeps it for a second.
 */
bool rst_lock_to_exit(void);

#endif
