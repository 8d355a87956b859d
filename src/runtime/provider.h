/* SPDX-License-Identifier: MIT */
/*
 * Providers and probes as librst itself sees them.
 */
#ifndef RST_PROVIDER_H
#define RST_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "image/signature.h"
#include "rst.h"
#include "runtime/object.h"

struct probe {
    struct rst_probe handle; /* first: what the program holds points here */
    struct rst_description description;
    rst_provider *provider;
    struct rst_object *object; /* NULL until a load takes the probe */
    size_t index;              /* in the object */
    struct probe *next;        /* in the provider */
    struct probe *next_pending;
    struct probe *next_in_bucket;
    uint32_t hash;
};

struct rst_provider {
    rst_provider *next; /* in the process */
    struct probe *first, **last;
    struct probe *pending, **last_pending; /* those that no load has taken */
    size_t pending_count;
    struct rst_object *objects;
    unsigned unloads; /* how many there have been: lets a load see that one came after it */
    bool loaded;
    int backing;
    char *directory;
    char name[];
};

/*
 * The one lock. It guards every provider, the registry and the list of providers, and is never held
 * while the dynamic linker is called: a library's constructor, which runs under the linker's lock,
 * may declare probes.
 */
void rst_lock(void);
void rst_unlock(void);

/* Around calls of the dynamic linker, which are made without the lock. A fork waits for them. */
void rst_linking_begin(void);
void rst_linking_end(void);

/*
 * A thread that is cancelled (pthread_cancel(3)) amid one of our calls would leave the lock locked.
 * For the rest of the block it can't be.
 */
#define RST_UNCANCELLED                                                                            \
    __attribute__((cleanup(rst_cancel_again), unused)) int cancel_state = rst_uncancel()

int rst_uncancel(void);
void rst_cancel_again(const int *old);

/* Whether the program is exiting, and files must no longer be made. Under the lock. */
bool rst_exiting(void);

/* Around what is done without the lock to an object that is not yet, or no longer, listed as open:
 * an exit waits for it. Under the lock. */
void rst_unlisted_begin(void);
void rst_unlisted_end(void);

/* Register the fork handlers, once. Gives 0 or a negative errno. */
int rst_process_prepare(void);

/* All providers, newest first. Under the lock. */
extern rst_provider *rst_providers;

/* Check a backing and a directory that the program or the environment (`whose`) asks for. */
int rst_check_backing(const char *whose, int backing, const char *directory);

/* Say that a provider is NULL. Gives -EINVAL. */
int rst_fail_null_provider(void);

/* Point a probe's handle at its object, or at what does nothing. */
void rst_probe_attach(struct probe *probe);
void rst_probe_detach(struct probe *probe);

/* The same for all probes of an object. */
void rst_probes_detach(struct rst_object *object);

/* Let the next load take the probe. Under the lock. */
void rst_probe_await_load(struct probe *probe);

/* A probe that is part of a description, and the other way round. */
struct probe *rst_probe_of(const struct rst_description *description);

/* The CPU that this is compiled for; NULL if librst does not know it. */
const struct rst_arch *rst_native_arch(void);

/* ----------------------------------------------------------------- the registry -- */

/* The process's probes by provider and name. Under the lock. */
uint32_t rst_registry_hash(const char *provider, const char *name);
struct probe *rst_registry_find(uint32_t hash, const char *provider, const char *name);
int rst_registry_insert(struct probe *probe); /* 0 or -ENOMEM */
void rst_registry_remove(struct probe *probe);

#endif
