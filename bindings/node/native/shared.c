/* SPDX-License-Identifier: MIT */
#include "shared.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct shared {
    struct shared *next;
    rst_provider *provider;
    const rst_probe **probes;
    size_t count;
    size_t room;
    size_t members;
    size_t loads; /* members that want it loaded */
};

/* For signatures only: never loaded. */
#define SCRATCH "librst_node_scratch"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shared *all;

static struct shared *find(const char *name)
{
    struct shared *shared = all;

    while (shared && strcmp(rst_provider_name(shared->provider), name) != 0)
        shared = shared->next;
    return shared;
}

static int make(const char *name, struct shared **ret)
{
    struct shared *shared = calloc(1, sizeof(*shared));

    if (!shared)
        return -ENOMEM;
    shared->provider = rst_provider_new(name);
    if (!shared->provider) {
        free(shared);
        return -errno;
    }
    shared->next = all;
    all = shared;
    *ret = shared;
    return 0;
}

int shared_join(const char *name, struct membership *ret)
{
    struct shared *shared;
    int error = 0;

    pthread_mutex_lock(&lock);
    shared = find(name);
    if (!shared)
        error = make(name, &shared);
    if (!error) {
        shared->members++;
        *ret = (struct membership){.shared = shared};
    }
    pthread_mutex_unlock(&lock);
    return error;
}

static int unload(struct membership *member)
{
    if (!member->loaded)
        return 0;
    member->loaded = false;
    return --member->shared->loads ? 0 : rst_provider_unload(member->shared->provider);
}

static void remove_shared(struct shared *shared)
{
    struct shared **at = &all;

    while (*at != shared)
        at = &(*at)->next;
    *at = shared->next;
    rst_provider_free(shared->provider);
    free(shared->probes);
    free(shared);
}

void shared_leave(struct membership *member)
{
    pthread_mutex_lock(&lock);
    unload(member);
    if (--member->shared->members == 0)
        remove_shared(member->shared);
    member->shared = NULL;
    pthread_mutex_unlock(&lock);
}

int shared_set_backing(const struct membership *member, int backing, const char *directory)
{
    int error;

    pthread_mutex_lock(&lock);
    error = rst_provider_set_backing(member->shared->provider, backing, directory);
    pthread_mutex_unlock(&lock);
    return error == -EBUSY ? 0 : error;
}

static const rst_probe *find_probe(const struct shared *shared, const char *name)
{
    for (size_t i = 0; i < shared->count; i++) {
        if (strcmp(rst_probe_name(shared->probes[i]), name) == 0)
            return shared->probes[i];
    }
    return NULL;
}

/* Only librst knows a signature's plain form, so it is asked for it. */
static bool has_signature(const rst_probe *probe, const char *signature)
{
    rst_provider *scratch = rst_provider_new(SCRATCH);
    const rst_probe *other = rst_provider_add(scratch, "probe", signature);
    bool same = other && strcmp(rst_probe_signature(other), rst_probe_signature(probe)) == 0;

    rst_provider_free(scratch);
    return same;
}

static bool make_room(struct shared *shared)
{
    size_t room = shared->room ? 2 * shared->room : 8;
    const rst_probe **probes;

    if (shared->count < shared->room)
        return true;
    probes = realloc(shared->probes, room * sizeof(const rst_probe *));
    if (!probes)
        return false;
    shared->probes = probes;
    shared->room = room;
    return true;
}

static int add(struct shared *shared, const char *name, const char *signature,
               const rst_probe **ret)
{
    const rst_probe *probe;
    int error;

    if (!make_room(shared))
        return -ENOMEM;
    probe = rst_provider_add(shared->provider, name, signature);
    if (probe) {
        shared->probes[shared->count++] = probe;
    } else {
        error = -errno;
        if (error != -EEXIST)
            return error;
        probe = find_probe(shared, name);
        if (!probe || !has_signature(probe, signature))
            return -EEXIST;
    }
    *ret = probe;
    return 0;
}

int shared_add(const struct membership *member, const char *name, const char *signature,
               const rst_probe **ret)
{
    int error;

    pthread_mutex_lock(&lock);
    error = add(member->shared, name, signature, ret);
    pthread_mutex_unlock(&lock);
    return error;
}

int shared_load(struct membership *member)
{
    int error;

    pthread_mutex_lock(&lock);
    error = rst_provider_load(member->shared->provider);
    if (!error && !member->loaded) {
        member->loaded = true;
        member->shared->loads++;
    }
    pthread_mutex_unlock(&lock);
    return error;
}

int shared_unload(struct membership *member)
{
    int error;

    pthread_mutex_lock(&lock);
    error = unload(member);
    pthread_mutex_unlock(&lock);
    return error;
}

bool shared_is_loaded(const struct membership *member)
{
    return member->loaded && rst_provider_loaded(member->shared->provider);
}
