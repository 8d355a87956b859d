/* SPDX-License-Identifier: MIT */
/*
 * The registry: a hash table of the process's probes, chained through the probes themselves.
 */
#include "runtime/provider.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

static struct probe **buckets;
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

static struct probe **bucket_of(uint32_t hash)
{
    return &buckets[hash & (bucket_count - 1)];
}

struct probe *rst_registry_find(uint32_t hash, const char *provider, const char *name)
{
    if (bucket_count == 0)
        return NULL;
    for (struct probe *probe = *bucket_of(hash); probe; probe = probe->next_in_bucket)
        if (probe->hash == hash && strcmp(probe->description.name, name) == 0 &&
            strcmp(probe->provider->name, provider) == 0)
            return probe;
    return NULL;
}

static void chain(struct probe *probe)
{
    struct probe **bucket = bucket_of(probe->hash);

    probe->next_in_bucket = *bucket;
    *bucket = probe;
}

static int grow(void)
{
    size_t old_count = bucket_count, count = old_count ? 2 * old_count : FIRST_BUCKETS;
    struct probe **old = buckets, **bigger = calloc(count, sizeof(struct probe *));

    if (!bigger)
        return rst_fail(ENOMEM, "no memory for %zu probes", count);
    buckets = bigger;
    bucket_count = count;
    for (size_t i = 0; i < old_count; i++)
        while (old[i]) {
            struct probe *probe = old[i];

            old[i] = probe->next_in_bucket;
            chain(probe);
        }
    free(old);
    return 0;
}

int rst_registry_insert(struct probe *probe)
{
    if (probe_count == bucket_count) {
        int error = grow();

        if (error < 0)
            return error;
    }
    chain(probe);
    probe_count++;
    return 0;
}

void rst_registry_remove(struct probe *probe)
{
    struct probe **link = bucket_of(probe->hash);

    while (*link != probe)
        link = &(*link)->next_in_bucket;
    *link = probe->next_in_bucket;
    if (--probe_count > 0)
        return;
    free(buckets); /* a process that has freed all its providers has nothing left of ours */
    buckets = NULL;
    bucket_count = 0;
}
