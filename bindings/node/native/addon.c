/* SPDX-License-Identifier: MIT */
/*
 * What lib/ calls: librst, for one environment, which is a thread with its own JavaScript: the main
 * thread or a worker. Providers and probes are numbers to JavaScript, and places in tables here, so
 * that a wrong one can harm nothing. Everything that an environment has ends with it, in end().
 *
 * A probe's semaphore is given out as an ArrayBuffer over librst's own memory, which JavaScript
 * then reads without a call. lib/ detaches these buffers before it closes a provider; when an
 * environment ends, no JavaScript of it runs any more.
 */
#include <errno.h>
#include <node_api.h>
#include <stdlib.h>

#include "call.h"
#include "shared.h"
#include "values.h"

struct provider {
    struct membership member; /* its `shared` is NULL when it is closed */
};

struct probe {
    const rst_probe *handle; /* NULL when its provider is closed */
    uint32_t provider;
    uint32_t count;
    enum type types[RST_MAX_ARGS];
};

struct environment {
    struct provider *providers;
    struct probe *probes;
    uint32_t provider_count;
    uint32_t probe_count;
};

static struct provider *take_provider(const struct call *call)
{
    uint32_t number = call_take_number(call, 0);

    if (number >= call->own->provider_count || !call->own->providers[number].member.shared)
        return NULL;
    return &call->own->providers[number];
}

/* NULL if it is closed. */
static const struct probe *take_probe(const struct call *call)
{
    uint32_t number = call_take_number(call, 0);

    if (number >= call->own->probe_count || !call->own->probes[number].handle)
        return NULL;
    return &call->own->probes[number];
}

/* ----------------------------------------------------------------------- providers -- */

/* One more place in a table, which doubles at each power of two. NULL: no memory. */
static void *one_more(void *table, uint32_t count, size_t size)
{
    if (count & (count - 1))
        return table;
    return realloc(table, (count ? 2 * (size_t)count : 1) * size);
}

/* The first of a table of closed ones, or one more. */
static uint32_t free_provider(const struct environment *own)
{
    uint32_t i = 0;

    while (i < own->provider_count && own->providers[i].member.shared)
        i++;
    return i;
}

/* provider(name, backing, directory or undefined): its number */
static napi_value new_provider(napi_env env, napi_callback_info info)
{
    struct call call;
    struct environment *own;
    struct membership member;
    char *name, *directory;
    uint32_t number;
    void *table;
    int error;

    if (!call_begin(env, info, &call))
        return NULL;
    own = call.own;
    number = free_provider(own);
    if (number == own->provider_count) {
        table = one_more(own->providers, own->provider_count, sizeof(*own->providers));
        if (!table) {
            call_throw(&call, -ENOMEM);
            return NULL;
        }
        own->providers = table;
    }
    name = call_take_text(&call, 0);
    directory = call_take_text(&call, 2);
    error = name ? shared_join(name, &member) : -ENOMEM;
    if (!error) {
        error = shared_set_backing(&member, (int)call_take_number(&call, 1), directory);
        if (error)
            shared_leave(&member);
    }
    free(name);
    free(directory);
    if (error) {
        call_throw(&call, error);
        return NULL;
    }
    own->providers[number].member = member;
    if (number == own->provider_count)
        own->provider_count++;
    return call_give_number(&call, number);
}

/* load(provider): whether tracers can find it now */
static napi_value load(napi_env env, napi_callback_info info)
{
    struct call call;
    struct provider *provider;
    int error;

    if (!call_begin(env, info, &call))
        return NULL;
    provider = take_provider(&call);
    if (!provider)
        return call_give_bool(&call, false);
    error = shared_load(&provider->member);
    if (error) {
        call_throw(&call, error);
        return NULL;
    }
    return call_give_bool(&call, shared_is_loaded(&provider->member));
}

static napi_value unload(napi_env env, napi_callback_info info)
{
    struct call call;
    struct provider *provider;
    int error;

    if (!call_begin(env, info, &call))
        return NULL;
    provider = take_provider(&call);
    error = provider ? shared_unload(&provider->member) : 0;
    if (error)
        call_throw(&call, error);
    return NULL;
}

static napi_value loaded(napi_env env, napi_callback_info info)
{
    struct call call;
    const struct provider *provider;

    if (!call_begin(env, info, &call))
        return NULL;
    provider = take_provider(&call);
    return call_give_bool(&call, provider && shared_is_loaded(&provider->member));
}

static void close_provider(struct environment *own, struct provider *provider)
{
    uint32_t number = (uint32_t)(provider - own->providers);

    for (uint32_t i = 0; i < own->probe_count; i++) {
        if (own->probes[i].provider == number)
            own->probes[i].handle = NULL;
    }
    shared_leave(&provider->member);
}

/* close(provider, [buffers]): the semaphores' buffers, which are to be detached first. If one can't
 * be, the provider is only unloaded, and its memory stays until the environment ends. */
static napi_value close_(napi_env env, napi_callback_info info)
{
    struct call call;
    struct provider *provider;
    napi_value buffer;
    uint32_t count = 0;
    bool detached = true;

    if (!call_begin(env, info, &call))
        return NULL;
    provider = take_provider(&call);
    if (!provider)
        return NULL;
    napi_get_array_length(env, call.values[1], &count);
    for (uint32_t i = 0; i < count; i++) {
        if (napi_get_element(env, call.values[1], i, &buffer) != napi_ok ||
            napi_detach_arraybuffer(env, buffer) != napi_ok)
            detached = false;
    }
    if (detached)
        close_provider(call.own, provider);
    else
        shared_unload(&provider->member);
    return NULL;
}

/* -------------------------------------------------------------------------- probes -- */

static bool has_probe(const struct environment *own, const rst_probe *handle)
{
    for (uint32_t i = 0; i < own->probe_count; i++) {
        if (own->probes[i].handle == handle)
            return true;
    }
    return false;
}

/* The first closed one, or one more. */
static uint32_t free_probe(const struct environment *own)
{
    uint32_t i = 0;

    while (i < own->probe_count && own->probes[i].handle)
        i++;
    return i;
}

static int add_probe(const struct call *call, struct provider *provider, uint32_t *ret)
{
    struct environment *own = call->own;
    const rst_probe *handle = NULL;
    char *name = call_take_text(call, 1), *signature = call_take_text(call, 2);
    int error =
        name && signature ? shared_add(&provider->member, name, signature, &handle) : -ENOMEM;
    struct probe probe = {.handle = handle};
    uint32_t number;
    void *table;

    free(name);
    free(signature);
    if (error)
        return error;
    if (has_probe(own, handle))
        return -EEXIST; /* librst has just said so in rst_error() */
    number = free_probe(own);
    if (number == own->probe_count) {
        table = one_more(own->probes, number, sizeof(*own->probes));
        if (!table)
            return -ENOMEM;
        own->probes = table;
        own->probe_count++;
    }
    probe.provider = (uint32_t)(provider - own->providers);
    probe.count = (uint32_t)types_of(rst_probe_signature(handle), probe.types);
    own->probes[number] = probe;
    *ret = number;
    return 0;
}

/* probe(provider, name, signature): its number */
static napi_value new_probe(napi_env env, napi_callback_info info)
{
    struct call call;
    struct provider *provider;
    uint32_t number;
    int error;

    if (!call_begin(env, info, &call))
        return NULL;
    provider = take_provider(&call);
    if (!provider)
        return NULL;
    error = add_probe(&call, provider, &number);
    if (error) {
        call_throw(&call, error);
        return NULL;
    }
    return call_give_number(&call, number);
}

static napi_value signature(napi_env env, napi_callback_info info)
{
    struct call call;
    const struct probe *probe;

    if (!call_begin(env, info, &call))
        return NULL;
    probe = take_probe(&call);
    return probe ? call_give_text(&call, rst_probe_signature(probe->handle)) : NULL;
}

static napi_value path(napi_env env, napi_callback_info info)
{
    struct call call;
    const struct probe *probe;

    if (!call_begin(env, info, &call))
        return NULL;
    probe = take_probe(&call);
    return probe ? call_give_text(&call, rst_probe_path(probe->handle)) : NULL;
}

/* V8 wants a function; the memory is librst's. */
static void leave_memory(napi_env env, void *data, void *hint)
{
    (void)env;
    (void)data;
    (void)hint;
}

/* semaphore(probe): an ArrayBuffer of 4 bytes, or undefined where V8 takes no memory of others, as
 * where its sandbox is on. For what is not a probe, the 4 bytes are a zero that nothing changes. */
static napi_value semaphore(napi_env env, napi_callback_info info)
{
    struct call call;
    const struct probe *probe;
    napi_value buffer = NULL;
    void *address;

    if (!call_begin(env, info, &call))
        return NULL;
    probe = take_probe(&call);
    address = (void *)(uintptr_t)rst_probe_semaphore(probe ? probe->handle : NULL); /* only read */
    if (napi_create_external_arraybuffer(env, address, sizeof(uint32_t), leave_memory, NULL,
                                         &buffer) != napi_ok)
        return NULL;
    return buffer;
}

static napi_value enabled(napi_env env, napi_callback_info info)
{
    struct call call;
    const struct probe *probe;

    if (!call_begin(env, info, &call))
        return NULL;
    probe = take_probe(&call);
    return call_give_bool(&call, probe && RST_ENABLED(probe->handle));
}

/* fire(probe, values...) */
static napi_value fire(napi_env env, napi_callback_info info)
{
    uint64_t bits[RST_MAX_ARGS];
    struct texts texts;
    struct call call;
    const struct probe *probe;
    size_t given;

    if (!call_begin(env, info, &call))
        return NULL;
    probe = take_probe(&call);
    if (!probe || !RST_ENABLED(probe->handle))
        return call_give_bool(&call, false);
    texts.used = 0;
    texts.others = NULL;
    given = call.count < MOST_VALUES ? call.count : MOST_VALUES;
    for (size_t i = 0; i < probe->count && i + 1 < given; i++)
        bits[i] = value_bits(env, probe->types[i], call.values[i + 1], &texts);
    rst_probe_fire(probe->handle, bits, given - 1 < probe->count ? given - 1 : probe->count);
    texts_free(&texts);
    return call_give_bool(&call, true);
}

/* What the benchmark compares with. */
static napi_value nothing(napi_env env, napi_callback_info info)
{
    (void)env;
    (void)info;
    return NULL;
}

/* ---------------------------------------------------------------------- the module -- */

static void end(void *data)
{
    struct environment *own = data;

    for (uint32_t i = 0; i < own->provider_count; i++) {
        if (own->providers[i].member.shared)
            shared_leave(&own->providers[i].member);
    }
    free(own->providers);
    free(own->probes);
    free(own);
}

NAPI_MODULE_INIT()
{
    struct environment *own = calloc(1, sizeof(*own));
    const napi_property_descriptor functions[] = {
#define FUNCTION(name, function) {name, NULL, function, NULL, NULL, NULL, napi_enumerable, own}
        FUNCTION("provider", new_provider),
        FUNCTION("load", load),
        FUNCTION("unload", unload),
        FUNCTION("loaded", loaded),
        FUNCTION("close", close_),
        FUNCTION("probe", new_probe),
        FUNCTION("signature", signature),
        FUNCTION("path", path),
        FUNCTION("semaphore", semaphore),
        FUNCTION("enabled", enabled),
        FUNCTION("fire", fire),
        FUNCTION("nothing", nothing),
#undef FUNCTION
    };

    if (!own)
        return NULL;
    if (napi_add_env_cleanup_hook(env, end, own) != napi_ok) {
        free(own);
        return NULL;
    }
    napi_define_properties(env, exports, sizeof(functions) / sizeof(functions[0]), functions);
    return exports;
}
