/* SPDX-License-Identifier: MIT */
/*
 * libusdt's functions on librst.
 *
 * DTrace names a probe provider:module:function:name, and librst provider:name. The probe has its
 * name for tracers, or function__name where its provider has another probe of that name.
 *
 * A probe's definition is its creator's and, once added, its provider's; the last of the two frees
 * it.
 */
#include "usdt.h"

#include <rst.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"

#define EXPORT __attribute__((visibility("default")))

struct own_provider {
    usdt_provider_t shown;
    struct compat_provider compat;
    bool refused; /* the last probe was not added, and the error says why */
};

struct own_probedef {
    usdt_probedef_t shown;
    usdt_probe_t probe;
    struct compat_probe compat;
    usdt_provider_t *provider; /* that has it, or NULL */
    char traced_name[];        /* as tracers see it; room for function__name */
};

static struct own_provider *own_provider(usdt_provider_t *provider)
{
    return (struct own_provider *)provider;
}

static struct own_probedef *own_probedef(usdt_probedef_t *probedef)
{
    return (struct own_probedef *)probedef;
}

/* ------------------------------------------------------------------------------ errors -- */

static const char *const errors[] = {
    [USDT_ERROR_MALLOC] = "no memory",
    [USDT_ERROR_VALLOC] = "no memory for a page",
    [USDT_ERROR_NOPROBES] = "the provider has no probes; add one",
    [USDT_ERROR_LOADDOF] = "the probes can't be shown: %s",
    [USDT_ERROR_ALREADYENABLED] = "the provider is enabled already",
    [USDT_ERROR_UNLOADDOF] = "the probes can't be hidden: %s",
    [USDT_ERROR_DUP_PROBE] = "probe %s:%s:%s:%s exists already; give each its own name",
    [USDT_ERROR_REMOVE_PROBE] = "probe %s:%s:%s:%s is not in the provider; add it first",
};

EXPORT void usdt_error(usdt_provider_t *provider, usdt_error_t error, ...)
{
    COMPAT_LOCKED;
    char *words = NULL;
    va_list list;

    if (!provider || (size_t)error >= sizeof(errors) / sizeof(errors[0]))
        return;
    va_start(list, error);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (vasprintf(&words, errors[error], list) < 0)
        words = NULL;
#pragma GCC diagnostic pop
    va_end(list);
    free(provider->error);
    provider->error = words;
}

EXPORT char *usdt_errstr(usdt_provider_t *provider)
{
    static char none[] = "";

    return provider && provider->error ? provider->error : none;
}

static int fail_of_probe(usdt_provider_t *provider, usdt_error_t error,
                         const usdt_probedef_t *probedef)
{
    usdt_error(provider, error, provider->name, provider->module, probedef->function,
               probedef->name);
    return -1;
}

/* ------------------------------------------------------------------------------- types -- */

/* C's integers, as DTrace's programs name them, where they are not 64 bits and unsigned. */
static const struct type {
    const char *c, *rst;
} types[] = {
    {"bool", "bool"},           {"_Bool", "bool"},
    {"char", "int8"},           {"signed char", "int8"},
    {"int8_t", "int8"},         {"unsigned char", "uint8"},
    {"uint8_t", "uint8"},       {"short", "int16"},
    {"int16_t", "int16"},       {"unsigned short", "uint16"},
    {"uint16_t", "uint16"},     {"int", "int32"},
    {"int32_t", "int32"},       {"unsigned", "uint32"},
    {"unsigned int", "uint32"}, {"uint32_t", "uint32"},
    {"long", "int64"},          {"long long", "int64"},
    {"int64_t", "int64"},       {"intptr_t", "int64"},
    {"ssize_t", "int64"},       {"string", "string"},
    {"char *", "string"},       {"char*", "string"},
};

static const char *type_of(const char *c)
{
    if (strncmp(c, "const ", 6) == 0)
        c += 6;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].c, c) == 0)
            return types[i].rst;
    return strchr(c, '*') ? "pointer" : "uint64";
}

/* ------------------------------------------------------------------------- definitions -- */

static int never_enabled(void)
{
    return 0;
}

static void drop(usdt_probedef_t *probedef)
{
    if (--probedef->refcnt > 0)
        return;
    for (size_t i = 0; i < probedef->argc; i++)
        free(probedef->types[i]);
    free((char *)(uintptr_t)probedef->function);
    free((char *)(uintptr_t)probedef->name);
    free(own_probedef(probedef));
}

/* Copy the strings. Gives false if one is NULL, or if there is no memory. */
static bool describe(usdt_probedef_t *probedef, const char *function, const char *name,
                     const char **type_names, size_t argc)
{
    struct compat_probe *compat = &own_probedef(probedef)->compat;

    probedef->function = strdup(function);
    probedef->name = strdup(name);
    if (!probedef->function || !probedef->name)
        return false;
    while (probedef->argc < argc) {
        const char *type = type_names ? type_names[probedef->argc] : NULL;
        char *copy = type ? strdup(type) : NULL;

        if (!copy)
            return false;
        if (probedef->argc < RST_MAX_ARGS)
            compat->types[compat->count++] = type_of(type);
        probedef->types[probedef->argc++] = copy;
    }
    return true;
}

EXPORT usdt_probedef_t *usdt_create_probe(const char *func, const char *name, size_t argc,
                                          const char **types_of_args)
{
    struct own_probedef *own;

    if (!func || !name)
        return NULL;
    own = calloc(1, sizeof(*own) + COMPAT_ROOM(func) + 2 + COMPAT_ROOM(name));
    if (!own)
        return NULL;
    compat_init_probe(&own->compat);
    own->shown.refcnt = 1;
    own->probe = (usdt_probe_t){never_enabled, &own->compat};
    own->compat.name = own->traced_name;
    if (!describe(&own->shown, func, name, types_of_args,
                  argc < USDT_ARG_MAX ? argc : USDT_ARG_MAX)) {
        drop(&own->shown);
        return NULL;
    }
    return &own->shown;
}

EXPORT void usdt_probe_release(usdt_probedef_t *probedef)
{
    COMPAT_LOCKED;

    if (probedef)
        drop(probedef);
}

/* --------------------------------------------------------------------------- providers -- */

EXPORT usdt_provider_t *usdt_create_provider(const char *name, const char *module)
{
    COMPAT_LOCKED;
    struct own_provider *own;

    if (!name || !module)
        return NULL;
    own = calloc(1, sizeof(*own));
    if (!own)
        return NULL;
    own->shown.name = strdup(name);
    own->shown.module = strdup(module);
    if (!own->shown.name || !own->shown.module) {
        usdt_provider_free(&own->shown);
        return NULL;
    }
    return &own->shown;
}

EXPORT void usdt_provider_free(usdt_provider_t *provider)
{
    COMPAT_LOCKED;
    usdt_probedef_t *next;

    if (!provider)
        return;
    usdt_provider_disable(provider);
    compat_close(&own_provider(provider)->compat);
    for (usdt_probedef_t *at = provider->probedefs; at; at = next) {
        next = at->next;
        own_probedef(at)->provider = NULL;
        drop(at);
    }
    free((char *)(uintptr_t)provider->name);
    free((char *)(uintptr_t)provider->module);
    free(provider->error);
    free(provider);
}

static bool is_same(const usdt_probedef_t *a, const usdt_probedef_t *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->function, b->function) == 0;
}

/* Write the name for tracers. Gives the place for the next probe, or NULL if the provider has it.
 */
static usdt_probedef_t **place(usdt_provider_t *provider, usdt_probedef_t *probedef)
{
    usdt_probedef_t **at = &provider->probedefs;
    char *to = own_probedef(probedef)->traced_name;
    bool taken = false;

    for (; *at; at = &(*at)->next) {
        if (is_same(*at, probedef))
            return NULL;
        taken |= strcmp((*at)->name, probedef->name) == 0;
    }
    if (taken)
        to = stpcpy(compat_map_name(probedef->function, to), "__");
    compat_map_name(probedef->name, to);
    return at;
}

static int add(struct own_provider *own, usdt_probedef_t *probedef)
{
    usdt_provider_t *provider = &own->shown;
    usdt_probedef_t **at;
    int error = 0;

    if (probedef->argc > RST_MAX_ARGS)
        return compat_say(&provider->error,
                          "probe %s:%s:%s:%s has %zu arguments; at most %d are allowed",
                          provider->name, provider->module, probedef->function, probedef->name,
                          probedef->argc, RST_MAX_ARGS);
    if (own_probedef(probedef)->provider || !(at = place(provider, probedef)))
        return fail_of_probe(provider, USDT_ERROR_DUP_PROBE, probedef);
    if (!own->compat.group)
        error = compat_open(&own->compat, provider->name);
    if (error == 0)
        error = compat_add(&own->compat, &own_probedef(probedef)->compat);
    if (error < 0)
        return compat_say(&provider->error, "%s", compat_words(error));
    probedef->next = NULL;
    probedef->refcnt++;
    own_probedef(probedef)->provider = provider;
    *at = probedef;
    return 0;
}

EXPORT int usdt_provider_add_probe(usdt_provider_t *provider, usdt_probedef_t *probedef)
{
    COMPAT_LOCKED;
    int error;

    if (!provider || !probedef)
        return -1;
    error = add(own_provider(provider), probedef);
    own_provider(provider)->refused = error < 0;
    return error;
}

EXPORT int usdt_provider_remove_probe(usdt_provider_t *provider, usdt_probedef_t *probedef)
{
    COMPAT_LOCKED;
    usdt_probedef_t **at, *found;

    if (!provider || !probedef)
        return -1;
    if (!provider->probedefs) {
        usdt_error(provider, USDT_ERROR_NOPROBES);
        return -1;
    }
    for (at = &provider->probedefs; *at && !is_same(*at, probedef);)
        at = &(*at)->next;
    found = *at;
    if (!found)
        return fail_of_probe(provider, USDT_ERROR_REMOVE_PROBE, probedef);
    *at = found->next;
    compat_remove(&own_provider(provider)->compat, &own_probedef(found)->compat);
    own_probedef(found)->provider = NULL;
    __atomic_store_n(&found->probe, NULL, __ATOMIC_RELEASE);
    drop(found);
    return 0;
}

/* ------------------------------------------------------------------- enable and disable -- */

static void show(usdt_provider_t *provider, bool enabled)
{
    for (usdt_probedef_t *at = provider->probedefs; at; at = at->next)
        __atomic_store_n(&at->probe, enabled ? &own_probedef(at)->probe : NULL, __ATOMIC_RELEASE);
    provider->enabled = enabled;
}

EXPORT int usdt_provider_enable(usdt_provider_t *provider)
{
    COMPAT_LOCKED;
    int error;

    if (!provider)
        return -1;
    if (!provider->probedefs) {
        if (!own_provider(provider)->refused)
            usdt_error(provider, USDT_ERROR_NOPROBES);
        return -1;
    }
    if (provider->enabled)
        usdt_error(provider, USDT_ERROR_ALREADYENABLED);
    error = compat_load(&own_provider(provider)->compat, RST_BACKING_AUTO);
    if (error < 0) {
        usdt_error(provider, USDT_ERROR_LOADDOF, compat_words(error));
        return -1;
    }
    show(provider, true);
    return 0;
}

EXPORT int usdt_provider_disable(usdt_provider_t *provider)
{
    COMPAT_LOCKED;
    int error;

    if (!provider || !provider->enabled)
        return 0;
    error = compat_unload(&own_provider(provider)->compat);
    show(provider, false);
    if (error < 0) {
        usdt_error(provider, USDT_ERROR_UNLOADDOF, compat_words(error));
        return -1;
    }
    return 0;
}

/* -------------------------------------------------------------------------------- fire -- */

EXPORT int usdt_is_enabled(usdt_probe_t *probe)
{
    return probe && compat_enabled(probe->probe_addr);
}

EXPORT void usdt_fire_probe(usdt_probe_t *probe, size_t argc, void **argv)
{
    uint64_t args[RST_MAX_ARGS];
    const struct compat_probe *compat;
    size_t count = argv && argc < RST_MAX_ARGS ? argc : RST_MAX_ARGS;

    if (!usdt_is_enabled(probe))
        return;
    compat = probe->probe_addr;
    for (size_t i = 0; i < count; i++)
        args[i] = argv ? (uintptr_t)argv[i] : 0;
    rst_probe_fire(compat->handle, args, count);
}
