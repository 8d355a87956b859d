/* SPDX-License-Identifier: MIT */
#include "runtime/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

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

/* --------------------------------------------- the table, chained through the handles -- */

static struct rst_handle **buckets;
static size_t bucket_count, probe_count; /* bucket_count: 0 or a power of two */

#define FIRST_BUCKETS 64

static uint32_t hash_more(uint32_t hash, const char *text)
{
    do /* FNV-1a; with the NUL, so that "a" "bc" and "ab" "c" differ */
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    while (*text++);
    return hash;
}

uint32_t rst_registry_hash(const char *provider, const char *name)
{
    return hash_more(hash_more(2166136261u, provider), name);
}

static struct rst_handle **bucket_of(uint32_t hash)
{
    return &buckets[hash & (bucket_count - 1)];
}

struct rst_handle *rst_registry_find(uint32_t hash, const char *provider, const char *name)
{
    if (bucket_count == 0)
        return NULL;
    for (struct rst_handle *handle = *bucket_of(hash); handle; handle = handle->next_in_bucket)
        if (handle->hash == hash && strcmp(handle->description.name, name) == 0 &&
            strcmp(handle->provider->name, provider) == 0)
            return handle;
    return NULL;
}

static void chain(struct rst_handle *handle)
{
    struct rst_handle **bucket = bucket_of(handle->hash);

    handle->next_in_bucket = *bucket;
    *bucket = handle;
}

static int grow(void)
{
    size_t old_count = bucket_count, count = old_count ? 2 * old_count : FIRST_BUCKETS;
    struct rst_handle **old = buckets, **bigger = calloc(count, sizeof(struct rst_handle *));

    if (!bigger)
        return rst_fail(ENOMEM, "no memory for %zu probes", count);
    buckets = bigger;
    bucket_count = count;
    for (size_t i = 0; i < old_count; i++)
        while (old[i]) {
            struct rst_handle *handle = old[i];

            old[i] = handle->next_in_bucket;
            chain(handle);
        }
    free(old);
    return 0;
}

int rst_registry_insert(struct rst_handle *handle)
{
    if (probe_count == bucket_count) {
        int error = grow();

        if (error < 0)
            return error;
    }
    chain(handle);
    probe_count++;
    return 0;
}

static void remove_handle(struct rst_handle *handle)
{
    struct rst_handle **link = bucket_of(handle->hash);

    while (*link != handle)
        link = &(*link)->next_in_bucket;
    *link = handle->next_in_bucket;
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
    free(buckets); /* a process that has freed all its providers has nothing left of ours */
    buckets = NULL;
    bucket_count = 0;
}
