/* SPDX-License-Identifier: MIT */
/*
 * The handle: what a program fires.
 */
#include "runtime/provider.h"

#include <stddef.h>
#include <string.h>

/*
 * What a disabled handle leads to. The function is called with up to RST_MAX_ARGS arguments; in
 * every C ABI that librst knows, the caller puts them down and takes them away.
 */
static const volatile uint16_t zero;

static void do_nothing(void)
{
}

static const struct probe *inside(const rst_probe *handle)
{
    return (const struct probe *)(const void *)handle;
}

/* The function first: who finds the semaphore raised must find the function, too. */
void rst_probe_attach(struct probe *probe)
{
    void *function = rst_object_function(probe->object, rst_native_arch(), probe->index);
    void (*callable)(void);

    memcpy(&callable, &function, sizeof(callable)); /* C has no cast from data to function */
    __atomic_store_n(&probe->handle.function, callable, __ATOMIC_RELEASE);
    __atomic_store_n(&probe->handle.semaphore, rst_object_semaphore(probe->object, probe->index),
                     __ATOMIC_RELEASE);
}

void rst_probe_detach(struct probe *probe)
{
    __atomic_store_n(&probe->handle.semaphore, &zero, __ATOMIC_RELEASE);
    __atomic_store_n(&probe->handle.function, do_nothing, __ATOMIC_RELEASE);
}

void rst_probe_await_load(struct probe *probe)
{
    rst_provider *provider = probe->provider;

    probe->object = NULL;
    probe->next_pending = NULL;
    *provider->last_pending = probe;
    provider->last_pending = &probe->next_pending;
    provider->pending_count++;
}

struct probe *rst_probe_of(const struct rst_description *description)
{
    return (struct probe *)((uintptr_t)description - offsetof(struct probe, description));
}

bool rst_probe_enabled(const rst_probe *probe)
{
    return probe && RST_ENABLED(probe);
}

/* Apart from its guard, which so needs no stack. */
__attribute__((noinline)) static void fire(const rst_probe *probe, const uint64_t *args,
                                           size_t count)
{
    size_t wanted = inside(probe)->description.signature.count;
    uint64_t a[RST_MAX_ARGS] = {0};

    if (count > wanted)
        count = wanted;
    if (args && count > 0)
        memcpy(a, args, count * sizeof(a[0]));
    RST_FIRE(probe, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11]);
}

void rst_probe_fire(const rst_probe *probe, const uint64_t *args, size_t count)
{
    if (probe && RST_ENABLED(probe))
        fire(probe, args, count);
}

const char *rst_probe_name(const rst_probe *probe)
{
    return probe ? inside(probe)->description.name : NULL;
}

const char *rst_probe_signature(const rst_probe *probe)
{
    return probe ? inside(probe)->description.signature.text : NULL;
}

const char *rst_probe_path(const rst_probe *probe)
{
    const char *path = NULL;
    const struct rst_object *object;

    if (!probe)
        return NULL;
    rst_lock();
    object = inside(probe)->object;
    if (object && object->open && object->shown)
        path = object->backing.path->text;
    rst_unlock();
    return path;
}

const volatile uint16_t *rst_probe_semaphore(const rst_probe *probe)
{
    return probe ? __atomic_load_n(&probe->semaphore, __ATOMIC_ACQUIRE) : &zero;
}

void *rst_probe_function(const rst_probe *probe)
{
    void (*callable)(void) =
        probe ? __atomic_load_n(&probe->function, __ATOMIC_ACQUIRE) : do_nothing;
    void *function;

    memcpy(&function, &callable, sizeof(function));
    return function;
}
