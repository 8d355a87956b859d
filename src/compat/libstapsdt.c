/* SPDX-License-Identifier: MIT */
/*
 * libstapsdt's functions on librst.
 *
 * Programs read the fields of a provider and a probe. What is behind them is librst's, and has no
 * field: it is in larger structures around them. A program may also copy an SDTProbe_t; so what is
 * behind a probe is found by the address of its name.
 */
#include <errno.h>
#undef errno /* a field's name; only the numbers are used here */

#include "libstapsdt.h"

#include <dlfcn.h>
#include <gnu/lib-names.h>
#include <rst.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"

#define EXPORT __attribute__((visibility("default")))

struct own_provider {
    SDTProvider_t shown;
    struct compat_provider compat;
    bool refused; /* a probe could not be made */
};

struct own_probe {
    SDTProbeList_t node;
    struct compat_probe compat;
    char name[]; /* as given, then as tracers see it */
};

static struct own_provider *own_provider(SDTProvider_t *provider)
{
    return (struct own_provider *)provider;
}

static struct own_probe *own_probe(const SDTProbe_t *probe)
{
    return (struct own_probe *)(void *)(probe->name - offsetof(struct own_probe, name));
}

/* ----------------------------------------------------------------------------- errors -- */

#define FAIL(provider, code, ...)                                                                  \
    ((provider)->error_code = (code), compat_say(&(provider)->error, __VA_ARGS__))

/* --------------------------------------------------------------------------- providers -- */

EXPORT SDTProvider_t *providerInit(const char *name)
{
    COMPAT_LOCKED;
    struct own_provider *own = calloc(1, sizeof(*own));
    int error;

    if (!own)
        return NULL;
    own->shown.error_code = noError;
    own->shown._memfd = -1;
    own->shown._use_memfd = memfd_enabled;
    own->shown.name = strdup(name ? name : "");
    if (!own->shown.name) {
        free(own);
        return NULL;
    }
    if (!name)
        FAIL(&own->shown, tmpCreationError,
             "the provider's name is NULL; pass a name like \"shop\"");
    else if ((error = compat_open(&own->compat, name)) < 0)
        FAIL(&own->shown, tmpCreationError, "%s", compat_words(error));
    return &own->shown;
}

EXPORT int providerUseMemfd(SDTProvider_t *provider, const MemFDOption_t use_memfd)
{
    COMPAT_LOCKED;

    if (!provider || own_provider(provider)->compat.loaded)
        return 0;
    provider->_use_memfd = use_memfd;
    return 1;
}

EXPORT void providerDestroy(SDTProvider_t *provider)
{
    COMPAT_LOCKED;
    SDTProbeList_t *next;

    if (!provider)
        return;
    providerUnload(provider);
    compat_close(&own_provider(provider)->compat);
    for (SDTProbeList_t *node = provider->probes; node; node = next) {
        next = node->next;
        free(own_probe(&node->probe));
    }
    free(provider->name);
    free(provider->error);
    free(provider);
}

/* ------------------------------------------------------------------------------ probes -- */

static const char *type_name(int type)
{
    switch (type) {
    case uint8:
        return "uint8";
    case int8:
        return "int8";
    case uint16:
        return "uint16";
    case int16:
        return "int16";
    case uint32:
        return "uint32";
    case int32:
        return "int32";
    case uint64:
        return "uint64";
    case int64:
        return "int64";
    default:
        return NULL;
    }
}

static struct own_probe *new_probe(SDTProvider_t *provider, const char *name)
{
    size_t size = strlen(name) + 1;
    struct own_probe *own = calloc(1, sizeof(*own) + size + COMPAT_ROOM(name));

    if (!own)
        return NULL;
    compat_init_probe(&own->compat);
    memcpy(own->name, name, size);
    compat_map_name(name, own->name + size);
    own->compat.name = own->name + size;
    own->node.probe.name = own->name;
    own->node.probe.provider = provider;
    own->node.next = provider->probes;
    provider->probes = &own->node;
    return own;
}

/* Take the types that follow `argCount`. */
static int describe(struct own_probe *own, int count, va_list types)
{
    SDTProbe_t *probe = &own->node.probe;

    if (count < 0 || count > RST_MAX_ARGS)
        return FAIL(probe->provider, elfCreationError,
                    "probe \"%s\" has %d arguments; 0 to %d are allowed", probe->name, count,
                    RST_MAX_ARGS);
    for (int i = 0; i < count; i++) {
        int type = va_arg(types, int);

        own->compat.types[i] = type_name(type);
        if (!own->compat.types[i])
            return FAIL(probe->provider, elfCreationError,
                        "probe \"%s\": argument %d has type %d; the types are 1, 2, 4, 8 for "
                        "unsigned, -1, -2, -4, -8 for signed integers of that many bytes",
                        probe->name, i + 1, type);
        if (i < MAX_ARGUMENTS)
            probe->argFmt[i] = (ArgType_t)type;
    }
    own->compat.count = (size_t)count;
    probe->argCount = count;
    return 0;
}

/* In a provider that has a bad name, a probe is not made, and the error stays the name's. */
static int add(struct own_provider *provider, struct own_probe *own, const char *name)
{
    int error;

    if (!provider->compat.group)
        return 0;
    if (!name)
        return FAIL(&provider->shown, elfCreationError,
                    "a probe's name is NULL; pass a name like \"checkout\"");
    error = compat_add(&provider->compat, &own->compat);
    return error < 0 ? FAIL(&provider->shown, elfCreationError, "%s", compat_words(error)) : 0;
}

EXPORT SDTProbe_t *providerAddProbe(SDTProvider_t *provider, const char *name, int argCount, ...)
{
    COMPAT_LOCKED;
    struct own_probe *own;
    va_list types;
    int error;

    if (!provider)
        return NULL;
    own = new_probe(provider, name ? name : "");
    if (!own) {
        FAIL(provider, elfCreationError, "no memory for probe \"%s\"", name);
        return NULL;
    }
    va_start(types, argCount);
    error = describe(own, argCount, types);
    va_end(types);
    if (error == 0)
        error = add(own_provider(provider), own, name);
    if (error < 0)
        own_provider(provider)->refused = true;
    return &own->node.probe;
}

/* --------------------------------------------------------------------- load and unload -- */

/* Show in the fields what is loaded: where the first probe is, and each probe's function. */
static void show(SDTProvider_t *provider)
{
    bool loaded = own_provider(provider)->compat.loaded;

    provider->_filename = NULL;
    provider->_memfd = -1;
    for (SDTProbeList_t *node = provider->probes; node; node = node->next) {
        const rst_probe *handle = loaded ? own_probe(&node->probe)->compat.handle : NULL;
        uintptr_t function = handle ? (uintptr_t)rst_probe_function(handle) : 0;

        __atomic_store_n(&node->probe._fire, (void *)function, __ATOMIC_RELEASE);
        if (!provider->_filename) /* librst's string, which names the child after a fork */
            provider->_filename = (char *)(uintptr_t)rst_probe_path(handle);
    }
    if (provider->_filename && strncmp(provider->_filename, "/proc/", 6) == 0)
        provider->_memfd = (int)strtol(strrchr(provider->_filename, '/') + 1, NULL, 10);
}

/*
 * Programs look whether `_handle` is NULL, and libstapsdt's own tests close it. A handle of the
 * probes' would let them unmap the probes while they are fired, so it is one of the C library.
 */
static int close_handle(SDTProvider_t *provider)
{
    void *handle = provider->_handle;

    provider->_handle = NULL;
    return handle ? dlclose(handle) : 0;
}

EXPORT int providerLoad(SDTProvider_t *provider)
{
    COMPAT_LOCKED;
    struct own_provider *own = own_provider(provider);
    int error;

    if (!provider || !own->compat.group) /* then providerInit() has said why */
        return -1;
    error = compat_load(&own->compat, provider->_use_memfd == memfd_disabled ? RST_BACKING_FILE
                                                                             : RST_BACKING_AUTO);
    if (error < 0)
        return FAIL(provider, error == -ENOEXEC ? sharedLibraryOpenError : tmpCreationError, "%s",
                    compat_words(error));
    if (!provider->_handle)
        provider->_handle = dlopen(LIBC_SO, RTLD_LAZY | RTLD_NOLOAD);
    show(provider);
    return own->refused ? -1 : 0;
}

EXPORT int providerUnload(SDTProvider_t *provider)
{
    COMPAT_LOCKED;
    int error, closed;

    if (!provider || !own_provider(provider)->compat.loaded)
        return 0;
    error = compat_unload(&own_provider(provider)->compat);
    closed = close_handle(provider);
    show(provider);
    if (error < 0)
        return FAIL(provider, sharedLibraryCloseError, "%s", compat_words(error));
    if (closed != 0)
        return FAIL(provider, sharedLibraryCloseError,
                    "provider \"%s\": the program has closed its _handle", provider->name);
    return 0;
}

/* -------------------------------------------------------------------------------- fire -- */

EXPORT void probeFire(SDTProbe_t *probe, ...)
{
    uint64_t args[RST_MAX_ARGS];
    const struct compat_probe *compat;
    va_list list;

    if (!probe)
        return;
    compat = &own_probe(probe)->compat;
    if (__builtin_expect(!compat_enabled(compat), 1))
        return;
    va_start(list, probe);
    for (size_t i = 0; i < compat->count; i++)
        args[i] = va_arg(list, uint64_t);
    va_end(list);
    rst_probe_fire(compat->handle, args, compat->count);
}

EXPORT int probeIsEnabled(SDTProbe_t *probe)
{
    return probe && compat_enabled(&own_probe(probe)->compat);
}
