/* SPDX-License-Identifier: MIT */
/*
 * The registry: the process's providers, and a table of their probes by name. All of it under the
 * lock.
 */
#ifndef RST_REGISTRY_H
#define RST_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rst.h"
#include "runtime/handle.h"
#include "runtime/object.h"

struct rst_provider {
    rst_provider *next; /* in the process */
    struct rst_handle *first, **last;
    struct rst_handle *pending, **last_pending; /* those that no load has taken */
    size_t pending_count;
    uint32_t hash; /* of the name */
    struct rst_object *objects;
    unsigned unloads; /* how many there have been: lets a load see that one came after it */
    bool loaded;
    int backing;
    char *directory;
    char name[];
};

/* All providers, newest first. */
extern rst_provider *rst_providers;

void rst_registry_add(rst_provider *provider);
void rst_registry_remove(rst_provider *provider);

/* Let the next load take the probe. */
void rst_registry_await_load(struct rst_handle *handle);

/* Call `visit` for each object of the process that is open. */
void rst_registry_visit(void (*visit)(struct rst_object *object));

/*
 * The probes by provider and name. The hash of a probe is that of its name, which goes on from that
 * of its provider's name, which begins with RST_REGISTRY_HASH.
 */
#define RST_REGISTRY_HASH 2166136261u

uint32_t rst_registry_hash(uint32_t before, const char *text);
struct rst_handle *rst_registry_find(uint32_t hash, const char *provider, const char *name);
int rst_registry_insert(struct rst_handle *handle); /* 0 or -ENOMEM */

#endif
