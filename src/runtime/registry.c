/* SPDX-License-Identifier: MIT */
#include "runtime/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "runtime/lock.h"

/* ---------------------------------------------------------------------- the providers -- */

rst_provider *rst_providers;

void rst_registry_add(rst_provider *provider)
{
    provider->next = rst_providers;
    rst_providers = provider;
}

void rst_registry_await_load(struct rst_handle *handle)
{
    rst_provider *provider = handle->provider;

    handle->object = NULL;
    handle->next_pending = NULL;
    *provider->last_pending = handle;
    provider->last_pending = &handle->next_pending;
    provider->pending_count++;
}

void rst_registry_visit(void (*visit)(struct rst_object *object))
{
    for (rst_provider *provider = rst_providers; provider; provider = provider->next)
        for (struct rst_object *object = provider->objects; object; object = object->next)
            if (object->open)
                visit(object);
}

/* ------------------------------------------------------------------------- the table -- */

/*
 * By open addressing: a probe is in the first free slot from its hash's on. The hashes are apart
 * from the handles, so that a look-up that finds nothing, as nearly all do, reads little memory.
 */
static struct rst_handle **slots;      /* NULL: the slot is free */
static uint32_t *hashes;               /* of the slots, behind them in one allocation; 0: free */
static size_t slot_count, probe_count; /* slot_count: 0 or a power of two */

#define FIRST_SLOTS 64

uint32_t rst_registry_hash(uint32_t before, const char *text)
{
    do /* FNV-1a; with the NUL, so that "a" "bc" and "ab" "c" differ */
        before = (before ^ (unsigned char)*text) * 16777619u;
    while (*text++);
    return before ? before : 1;
}

/* The slot of a hash, if nothing were in the way. */
static size_t home(uint32_t hash)
{
    return hash & (slot_count - 1);
}

static size_t following(size_t slot)
{
    return (slot + 1) & (slot_count - 1);
}

struct rst_handle *rst_registry_find(uint32_t hash, const char *provider, const char *name)
{
    if (slot_count == 0)
        return NULL;
    for (size_t i = home(hash); hashes[i]; i = following(i))
        if (hashes[i] == hash && strcmp(slots[i]->description.name, name) == 0 &&
            strcmp(slots[i]->provider->name, provider) == 0)
            return slots[i];
    return NULL;
}

static void put(struct rst_handle *handle, uint32_t hash)
{
    size_t i = home(hash);

    while (hashes[i])
        i = following(i);
    slots[i] = handle;
    hashes[i] = hash;
}

/* Signals wait: a handler that forks amid an allocation would wait for ever. */
static int grow(void)
{
    RST_UNDISTURBED;
    size_t old_count = slot_count, count = old_count ? 2 * old_count : FIRST_SLOTS;
    struct rst_handle **old = slots,
                      **bigger = calloc(count, sizeof(struct rst_handle *) + sizeof(*hashes));
    const uint32_t *old_hashes = hashes;

    if (!bigger)
        return rst_fail(ENOMEM, "no memory for %zu probes", count / 4 * 3);
    slots = bigger;
    hashes = (uint32_t *)(bigger + count);
    slot_count = count;
    for (size_t i = 0; i < old_count; i++)
        if (old_hashes[i])
            put(old[i], old_hashes[i]);
    free(old);
    return 0;
}

int rst_registry_insert(struct rst_handle *handle)
{
    if (probe_count == slot_count / 4 * 3) {
        int error = grow();

        if (error < 0)
            return error;
    }
    put(handle, handle->hash);
    probe_count++;
    return 0;
}

/* Free a slot. What is behind it and would no longer be found moves up. */
static void remove_handle(const struct rst_handle *handle)
{
    const size_t mask = slot_count - 1;
    size_t hole = home(handle->hash);

    while (slots[hole] != handle)
        hole = following(hole);
    for (size_t i = following(hole); hashes[i]; i = following(i))
        if (((i - home(hashes[i])) & mask) >= ((i - hole) & mask)) {
            slots[hole] = slots[i];
            hashes[hole] = hashes[i];
            hole = i;
        }
    slots[hole] = NULL;
    hashes[hole] = 0;
    probe_count--;
}

void rst_registry_remove(rst_provider *provider)
{
    rst_provider **link = &rst_providers;

    while (*link != provider)
        link = &(*link)->next;
    *link = provider->next;
    for (struct rst_handle *handle = provider->first; handle; handle = handle->next)
        remove_handle(handle);
    if (probe_count > 0)
        return;
    free(slots); /* a process that has freed all its providers has nothing left of ours */
    slots = NULL;
    hashes = NULL;
    slot_count = 0;
}
