/* SPDX-License-Identifier: MIT */
/*
 * librst for systems that it doesn't know, so that a program runs there, too: names and signatures
 * are checked as on Linux, and no probe is ever watched. The Makefile takes this, and of librst
 * only what checks names, where the system isn't Linux.
 */
#include <rst.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "image/signature.h"

struct probe {
    rst_probe handle; /* what a program has */
    struct probe *next;
    char *signature;
    char name[];
};

struct rst_provider {
    rst_provider *next;
    struct probe *probes;
    char name[];
};

static const volatile uint32_t nobody = 0;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static rst_provider *providers;

rst_provider *rst_provider_new(const char *name)
{
    rst_provider *provider;

    if (rst_name_check("provider name", name, RST_MAX_PROVIDER_NAME) < 0)
        return NULL;
    provider = calloc(1, sizeof(*provider) + strlen(name) + 1);
    if (!provider) {
        rst_fail(ENOMEM, "no memory for provider \"%s\"", name);
        return NULL;
    }
    memcpy(provider->name, name, strlen(name) + 1);
    pthread_mutex_lock(&mutex);
    provider->next = providers;
    providers = provider;
    pthread_mutex_unlock(&mutex);
    return provider;
}

void rst_provider_free(rst_provider *provider)
{
    rst_provider **link = &providers;

    if (!provider)
        return;
    pthread_mutex_lock(&mutex);
    while (*link != provider)
        link = &(*link)->next;
    *link = provider->next;
    pthread_mutex_unlock(&mutex);
    while (provider->probes) {
        struct probe *probe = provider->probes;

        provider->probes = probe->next;
        free(probe->signature);
        free(probe);
    }
    free(provider);
}

int rst_provider_set_backing(rst_provider *provider, int backing, const char *directory)
{
    (void)provider, (void)backing;
    if (directory && *directory != '/')
        return rst_fail(EINVAL, "directory %s is not an absolute path", rst_quote(directory).text);
    return 0;
}

static bool exists(const rst_provider *wanted, const char *name)
{
    for (const rst_provider *provider = providers; provider; provider = provider->next)
        if (strcmp(provider->name, wanted->name) == 0)
            for (const struct probe *probe = provider->probes; probe; probe = probe->next)
                if (strcmp(probe->name, name) == 0)
                    return true;
    return false;
}

static struct probe *make_probe(const char *name, const char *signature)
{
    struct probe *probe = calloc(1, sizeof(*probe) + strlen(name) + 1);
    struct rst_signature parsed;

    if (probe)
        probe->signature = malloc(rst_signature_room(signature));
    if (!probe || !probe->signature) {
        rst_fail(ENOMEM, "no memory for probe \"%s\"", name);
    } else if (rst_signature_parse(signature, probe->signature, &parsed) == 0) {
        probe->handle.semaphore = &nobody;
        memcpy(probe->name, name, strlen(name) + 1);
        return probe;
    }
    if (probe)
        free(probe->signature);
    free(probe);
    return NULL;
}

rst_probe *rst_provider_add(rst_provider *provider, const char *name, const char *signature)
{
    struct probe *probe;
    bool taken;

    if (rst_name_check("probe name", name, RST_MAX_PROBE_NAME) < 0)
        return NULL;
    probe = make_probe(name, signature);
    if (!probe)
        return NULL;
    pthread_mutex_lock(&mutex);
    taken = exists(provider, name);
    if (!taken) {
        probe->next = provider->probes;
        provider->probes = probe;
    }
    pthread_mutex_unlock(&mutex);
    if (!taken)
        return &probe->handle;
    free(probe->signature);
    free(probe);
    rst_fail(EEXIST, "probe \"%s:%s\" exists already; give each its own name", provider->name,
             name);
    return NULL;
}

int rst_provider_load(rst_provider *provider)
{
    (void)provider;
    return rst_fail(ENOTSUP, "probes need Linux; here, they do nothing");
}

int rst_provider_unload(rst_provider *provider)
{
    (void)provider;
    return 0;
}

bool rst_provider_loaded(const rst_provider *provider)
{
    (void)provider;
    return false;
}

void rst_probe_fire(const rst_probe *probe, const uint64_t *args, size_t count)
{
    (void)probe, (void)args, (void)count;
}

const char *rst_probe_signature(const rst_probe *probe)
{
    return ((const struct probe *)probe)->signature;
}

const char *rst_probe_path(const rst_probe *probe)
{
    (void)probe;
    return NULL;
}

const volatile uint32_t *rst_probe_semaphore(const rst_probe *probe)
{
    (void)probe;
    return &nobody;
}

const char *rst_version(void)
{
    return RST_VERSION;
}
