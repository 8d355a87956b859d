/* SPDX-License-Identifier: MIT */
#include "compat.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIGNATURE_ROOM (RST_MAX_ARGS * sizeof("pointer, "))

/* The providers of one name. */
struct compat_group {
    rst_provider *rst; /* NULL if it could not be made anew */
    struct compat_provider *providers;
    rst_probe **handles;
    size_t count, room;
    size_t loaded; /* how many of the providers are loaded */
    int backing;
    bool stale; /* a probe was removed, and tracers still see it */
    struct compat_group *next;
    char name[];
};

static struct compat_group *groups;

/* -------------------------------------------------------------------------- the lock -- */

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static _Thread_local bool held_for_fork; /* by this thread: two may fork at once */

/*
 * A thread that holds the lock may be in dlopen(3), and wait there for a thread that forks. So a
 * fork waits a second at most, as it does in librst. No call that can last so long is made while
 * this file's data is half changed.
 */
static void before_fork(void)
{
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec++;
    held_for_fork = pthread_mutex_timedlock(&lock, &deadline) == 0;
}

static void after_fork_in_parent(void)
{
    if (held_for_fork)
        pthread_mutex_unlock(&lock);
}

/* The child's thread has another id, and so can't unlock what it has locked as the parent's. */
static void after_fork_in_child(void)
{
    static const pthread_mutex_t unlocked = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

    lock = unlocked;
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

int compat_lock(void)
{
    return pthread_mutex_lock(&lock);
}

void compat_unlock(const int *locked)
{
    (void)locked;
    pthread_mutex_unlock(&lock);
}

/* ------------------------------------------------------------------------------ words -- */

const char *compat_words(int error)
{
    return error == -ENOMEM ? "no memory" : rst_error();
}

int compat_say(char **message, const char *format, ...)
{
    char *words;
    va_list list;

    va_start(list, format);
    if (vasprintf(&words, format, list) < 0)
        words = NULL;
    va_end(list);
    free(*message);
    *message = words;
    return -1;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

char *compat_map_name(const char *name, char *to)
{
    if (is_digit(*name))
        *to++ = '_';
    for (; *name; name++) {
        *to = '_';
        if (is_letter(*name) || is_digit(*name))
            *to = *name;
        to++;
        if (*name == '-')
            *to++ = '_';
    }
    *to = '\0';
    return to;
}

static void write_signature(const struct compat_probe *probe, char *to)
{
    *to = '\0';
    for (size_t i = 0; i < probe->count; i++) {
        if (i > 0)
            to = stpcpy(to, ", ");
        to = stpcpy(to, probe->types[i]);
    }
}

/* ----------------------------------------------------------------- a group's handles -- */

/* Reserve room for one more handle, for a handle that librst has made can't be taken back. */
static int reserve_handle(struct compat_group *group)
{
    size_t room = group->room ? 2 * group->room : 8;
    rst_probe **handles;

    if (group->count < group->room)
        return 0;
    handles = reallocarray(group->handles, room, sizeof(rst_probe *));
    if (!handles)
        return -ENOMEM;
    group->handles = handles;
    group->room = room;
    return 0;
}

static rst_probe *find_handle(const struct compat_group *group, const char *name,
                              const char *signature)
{
    for (size_t i = 0; i < group->count; i++)
        if (strcmp(rst_probe_name(group->handles[i]), name) == 0 &&
            strcmp(rst_probe_signature(group->handles[i]), signature) == 0)
            return group->handles[i];
    return NULL;
}

/* Have librst make the probe, or share the one of that name and arguments. */
static int make_handle(struct compat_group *group, struct compat_probe *probe)
{
    char signature[SIGNATURE_ROOM];
    int error = reserve_handle(group);

    if (error < 0)
        return error;
    write_signature(probe, signature);
    probe->handle = rst_provider_add(group->rst, probe->name, signature);
    if (probe->handle) {
        group->handles[group->count++] = probe->handle;
        return 0;
    }
    error = -errno;
    if (error == -EEXIST)
        probe->handle = find_handle(group, probe->name, signature);
    return probe->handle ? 0 : error;
}

/* ------------------------------------------------------------------------------ groups -- */

static struct compat_group *find_group(const char *name)
{
    struct compat_group *group = groups;

    while (group && strcmp(group->name, name) != 0)
        group = group->next;
    return group;
}

static struct compat_group *new_group(const char *name)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    size_t size = strlen(name) + 1;
    struct compat_group *group = calloc(1, sizeof(*group) + size);

    if (!group)
        return NULL;
    memcpy(group->name, name, size);
    group->rst = rst_provider_new(name);
    if (!group->rst) {
        free(group);
        return NULL;
    }
    pthread_once(&once, watch_forks); /* after librst has: its lock is taken second */
    group->next = groups;
    groups = group;
    return group;
}

static void free_group(struct compat_group *group)
{
    struct compat_group **link = &groups;

    while (*link != group)
        link = &(*link)->next;
    *link = group->next;
    rst_provider_free(group->rst);
    free(group->handles);
    free(group);
}

/* Make the group's probes anew, without those that were removed. Nobody of it is loaded. */
static int rebuild(struct compat_group *group)
{
    rst_provider *old = group->rst;
    int first_error = 0;

    group->rst = NULL;
    group->count = 0;
    for (struct compat_provider *provider = group->providers; provider; provider = provider->next)
        for (struct compat_probe *probe = provider->first; probe; probe = probe->next)
            probe->handle = NULL;
    rst_provider_free(old);
    group->rst = rst_provider_new(group->name);
    if (!group->rst)
        return -errno;
    rst_provider_set_backing(group->rst, group->backing, NULL);
    for (struct compat_provider *provider = group->providers; provider; provider = provider->next)
        for (struct compat_probe *probe = provider->first; probe; probe = probe->next) {
            int error = make_handle(group, probe);

            if (error < 0 && first_error == 0)
                first_error = error;
        }
    group->stale = first_error < 0;
    return first_error;
}

/* Before a load: what could not be changed while a provider of the group was loaded. */
static int bring_up_to_date(struct compat_group *group, int backing)
{
    bool wanted = group->stale || !group->rst;

    if (group->loaded > 0)
        return 0;
    if (group->backing != backing) {
        group->backing = backing;
        wanted |= group->rst && rst_provider_set_backing(group->rst, backing, NULL) < 0;
    }
    return wanted ? rebuild(group) : 0;
}

/* --------------------------------------------------------------------------- providers -- */

int compat_open(struct compat_provider *provider, const char *name)
{
    char *mapped = malloc(COMPAT_ROOM(name));

    if (!mapped)
        return -ENOMEM;
    compat_map_name(name, mapped);
    provider->group = find_group(mapped);
    if (!provider->group)
        provider->group = new_group(mapped);
    free(mapped);
    if (!provider->group)
        return -errno;
    provider->next = provider->group->providers;
    provider->group->providers = provider;
    return 0;
}

static const volatile uint32_t zero;

static void disable(struct compat_probe *probe)
{
    __atomic_store_n(&probe->semaphore, &zero, __ATOMIC_RELEASE);
}

void compat_init_probe(struct compat_probe *probe)
{
    disable(probe);
}

void compat_close(struct compat_provider *provider)
{
    struct compat_provider **link;

    if (!provider->group)
        return;
    compat_unload(provider);
    link = &provider->group->providers;
    while (*link != provider)
        link = &(*link)->next;
    *link = provider->next;
    if (!provider->group->providers)
        free_group(provider->group);
    provider->group = NULL;
}

int compat_add(struct compat_provider *provider, struct compat_probe *probe)
{
    struct compat_group *group = provider->group;
    int error = make_handle(group, probe);

    if (error == -EEXIST && group->stale && group->loaded == 0) { /* one that was removed? */
        error = rebuild(group);
        if (error == 0)
            error = make_handle(group, probe);
    }
    if (error < 0)
        return error;
    probe->next = provider->first;
    provider->first = probe;
    return 0;
}

void compat_remove(struct compat_provider *provider, struct compat_probe *probe)
{
    struct compat_probe **link = &provider->first;

    while (*link != probe)
        link = &(*link)->next;
    *link = probe->next;
    disable(probe);
    provider->group->stale = true;
}

int compat_load(struct compat_provider *provider, int backing)
{
    struct compat_group *group = provider->group;
    int error = bring_up_to_date(group, backing);

    if (error == 0)
        error = rst_provider_load(group->rst);
    if (error < 0)
        return error;
    if (!provider->loaded)
        group->loaded++;
    provider->loaded = true;
    for (struct compat_probe *probe = provider->first; probe; probe = probe->next)
        __atomic_store_n(&probe->semaphore, rst_probe_semaphore(probe->handle), __ATOMIC_RELEASE);
    return 0;
}

int compat_unload(struct compat_provider *provider)
{
    if (!provider->loaded)
        return 0;
    provider->loaded = false;
    for (struct compat_probe *probe = provider->first; probe; probe = probe->next)
        disable(probe);
    return --provider->group->loaded == 0 ? rst_provider_unload(provider->group->rst) : 0;
}
