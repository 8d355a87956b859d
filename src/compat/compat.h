/* SPDX-License-Identifier: MIT */
/*
 * What the drop-ins share: providers and probes as the older libraries have them, on librst.
 *
 * In librst, `provider:probe` is unique in a process. In the older libraries it is not: two
 * providers may have the same name, and the same probes. So all providers of one name are one
 * group, which has one provider of librst. Probes of the same name and arguments are one probe: the
 * tracer sees the fires of all of them. A group's probes are listed until its last provider is
 * unloaded, and exist until that is closed.
 *
 * One lock guards all of it. Firing takes no lock.
 */
#ifndef COMPAT_H
#define COMPAT_H

#include <rst.h>
#include <stdbool.h>
#include <stddef.h>

struct compat_probe {
    rst_probe *handle; /* the group's, perhaps shared; NULL if it could not be made */
    const char *name;  /* as tracers see it */
    const char *types[RST_MAX_ARGS];
    size_t count;
    struct compat_probe *next;
    const volatile uint32_t *semaphore; /* the handle's while its provider is loaded, else a zero */
};

/* All zeros is a provider that is not open. */
struct compat_provider {
    struct compat_group *group; /* NULL while it is not open */
    struct compat_probe *first;
    struct compat_provider *next;
    bool loaded;
};

/*
 * Hold the lock until the end of the block. A thread may hold it more than once, and a function
 * that is called with it may fork.
 */
#define COMPAT_LOCKED __attribute__((cleanup(compat_unlock), unused)) int locked = compat_lock()
int compat_lock(void);
void compat_unlock(const int *locked);

/*
 * Write a name as tracers get it: a letter, a digit or _ stays, - becomes __ (as DTrace has it),
 * and any other byte _. A digit at the beginning gets a _ before it. The room is COMPAT_ROOM(name).
 * Gives the end, where the NUL is.
 */
#define COMPAT_ROOM(name) (2 * strlen(name) + 2)
char *compat_map_name(const char *name, char *to);

/*
 * These give 0 or a negative errno.
 *
 * compat_open() maps the provider's name; a probe's is mapped before it is added. Adding a probe
 * does not load it. A load whose `backing` differs from before takes effect when the group's
 * providers are all unloaded; so does the removal of a probe, which fires nothing from then on. For
 * both, the next load makes all of the group's probes anew, or an addition of a probe that has the
 * removed one's name; and no thread may fire one meanwhile.
 */
int compat_open(struct compat_provider *provider, const char *name);
void compat_close(struct compat_provider *provider);
int compat_add(struct compat_provider *provider, struct compat_probe *probe);
void compat_remove(struct compat_provider *provider, struct compat_probe *probe);
int compat_load(struct compat_provider *provider, int backing);
int compat_unload(struct compat_provider *provider);

/* The words of an error that one of these gave. */
const char *compat_words(int error);

/* Before anything else is done with a probe. */
void compat_init_probe(struct compat_probe *probe);

/* Whether somebody watches. Then the handle is acquired, too. */
static inline bool compat_enabled(const struct compat_probe *probe)
{
    return *__atomic_load_n(&probe->semaphore, __ATOMIC_ACQUIRE) != 0;
}

/* Replace a malloc()ed message by another; NULL if there is no memory for it. Gives -1. */
__attribute__((format(printf, 2, 3))) int compat_say(char **message, const char *format, ...);

#endif
