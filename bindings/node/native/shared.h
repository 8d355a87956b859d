/* SPDX-License-Identifier: MIT */
#ifndef SHARED_H
#define SHARED_H

/*
 * A process's providers by name. Each worker thread has modules of its own, which declare what the
 * main thread's modules declare, and in a process a probe exists once. So a name is one provider of
 * librst, however many threads use it, and it lives until the last of them has left.
 */

#include <stdbool.h>

#include "rst.h"

struct shared;

/* What one Provider object of one thread has of it. */
struct membership {
    struct shared *shared;
    bool loaded; /* this one asked for a load, and for no unload since */
};

/* Those that return int give 0 or a negative errno, and rst_error() says what was wrong. */
int shared_join(const char *name, struct membership *ret);
void shared_leave(struct membership *member);
/* The backing of the first load counts, so this does nothing once the name is loaded. */
int shared_set_backing(const struct membership *member, int backing, const char *directory);
/* Give a probe that another thread has declared, too, if its signature is the same. */
int shared_add(const struct membership *member, const char *name, const char *signature,
               const rst_probe **ret);
int shared_load(struct membership *member);
/* The probes are hidden when the last member that loaded them has unloaded them. */
int shared_unload(struct membership *member);
bool shared_is_loaded(const struct membership *member);

#endif /* SHARED_H */
