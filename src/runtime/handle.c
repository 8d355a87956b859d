/* SPDX-License-Identifier: MIT */
#include "runtime/handle.h"

#include <stddef.h>
#include <string.h>

#include "runtime/lock.h"

/*
 * What a disabled handle leads to. The function is called with up to RST_MAX_ARGS arguments; in
 * every C ABI that librst knows, the caller puts them down and takes them away.
 */
static const volatile uint16_t zero;

static void do_nothing(void)
{
}

static const struct rst_handle *inside(const rst_probe *probe)
{
    return (const struct rst_handle *)(const void *)probe;
}

struct rst_handle *rst_handle_of(const struct rst_description *description)
{
    return (struct rst_handle *)((uintptr_t)description - offsetof(struct rst_handle, description));
}

/* The function first: who finds the semaphore raised must find the function, too. */
static void attach(struct rst_handle *handle)
{
    void *function = rst_object_function(handle->object, handle->index);
    void (*callable)(void);

    memcpy(&callable, &function, sizeof(callable)); /* C has no cast from data to function */
    __atomic_store_n(&handle->probe.function, callable, __ATOMIC_RELEASE);
    __atomic_store_n(&handle->probe.semaphore, rst_object_semaphore(handle->object, handle->index),
                     __ATOMIC_RELEASE);
}

void rst_handle_detach(struct rst_handle *handle)
{
    __atomic_store_n(&handle->probe.semaphore, &zero, __ATOMIC_RELEASE);
    __atomic_store_n(&handle->probe.function, do_nothing, __ATOMIC_RELEASE);
}

void rst_handles_attach(struct rst_object *object)
{
    for (size_t i = 0; i < object->count; i++)
        attach(rst_handle_of(object->probes[i]));
}

void rst_handles_detach(struct rst_object *object)
{
    for (size_t i = 0; i < object->count; i++)
        rst_handle_detach(rst_handle_of(object->probes[i]));
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
