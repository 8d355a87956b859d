/* SPDX-License-Identifier: MIT */
#include "runtime/handle.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "runtime/lock.h"
#include "runtime/resident.h"

/*
 * What a disabled handle leads to. The function is called with up to RST_MAX_ARGS arguments; in
 * every C ABI that librst knows, the caller puts them down and takes them away.
 */
static const volatile uint32_t zero;

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
    __atomic_store_n(&handle->function, rst_object_function(handle->object, handle->index),
                     __ATOMIC_RELEASE);
    __atomic_store_n(&handle->probe.semaphore, rst_object_semaphore(handle->object, handle->index),
                     __ATOMIC_RELEASE);
}

void rst_handle_detach(struct rst_handle *handle)
{
    __atomic_store_n(&handle->probe.semaphore, &zero, __ATOMIC_RELEASE);
    __atomic_store_n(&handle->function, do_nothing, __ATOMIC_RELEASE);
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
    return RST_ENABLED(probe);
}

/* How many arguments travel in registers on the CPUs that have fewest for them. */
#define FEW 6

typedef void few_arguments(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
typedef void all_arguments(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                           uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

/* Put the arguments of a fire into `ret`, zeros for those that are missing, and make them fit for a
 * tracer. */
__attribute__((noinline)) static void prepare(const struct rst_signature *signature,
                                              const uint64_t *args, size_t count, uint64_t *ret)
{
    if (!args)
        count = 0;
    if (count > signature->count)
        count = signature->count;
    memset(ret, 0, FEW * sizeof(ret[0])); /* in halves, which compilers do without a loop */
    memset(ret + FEW, 0, (RST_MAX_ARGS - FEW) * sizeof(ret[0]));
    for (size_t i = 0; i < count; i++)
        ret[i] = args[i];
    for (unsigned strings = signature->strings; strings; strings &= strings - 1)
        rst_resident_make(ret[__builtin_ctz(strings)]);
}

/*
 * The one way to a site: what has to happen before it has its place in prepare().
 *
 * The site's function is called from this frame, which is kept (all of librst is compiled with
 * frame pointers): a stack that a tracer walks from the site by frame pointers shows this function
 * by name, and its caller, whose own frame pointer is not needed for that. Nothing of it is set up
 * for a probe that nobody watches. The semaphore's address is acquired, so that the function is the
 * one that belongs to it.
 */
void rst_probe_fire(const rst_probe *probe, const uint64_t *args, size_t count)
{
    uint64_t a[RST_MAX_ARGS];
    const struct rst_handle *handle;
    rst_function function;

    if (!probe || *__atomic_load_n(&probe->semaphore, __ATOMIC_ACQUIRE) == 0)
        return;
    handle = inside(probe);
    prepare(&handle->description.signature, args, count, a);
    function = __atomic_load_n(&handle->function, __ATOMIC_RELAXED);
    if (handle->description.signature.count <= FEW)
        ((few_arguments *)function)(a[0], a[1], a[2], a[3], a[4], a[5]);
    else
        ((all_arguments *)function)(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9],
                                    a[10], a[11]);
    __asm__ volatile(""); /* not a jump, which would leave the frame before the site */
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
    int error = errno;

    if (!probe)
        return NULL;
    rst_lock();
    object = inside(probe)->object;
    if (object && object->open)
        path = rst_object_path(object);
    rst_unlock();
    errno = error;
    return path;
}

const volatile uint32_t *rst_probe_semaphore(const rst_probe *probe)
{
    return probe ? __atomic_load_n(&probe->semaphore, __ATOMIC_ACQUIRE) : &zero;
}

rst_function rst_probe_function(const rst_probe *probe)
{
    return probe ? __atomic_load_n(&inside(probe)->function, __ATOMIC_ACQUIRE) : do_nothing;
}
