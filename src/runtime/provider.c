/* SPDX-License-Identifier: MIT */
/*
 * A provider and its probes, from the first to the last; load.c has what is between.
 */
#include "runtime/provider.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

/* -------------------------------------------------------------- making and freeing -- */

rst_provider *rst_provider_new(const char *name)
{
    rst_provider *provider;

    if (rst_name_check("provider name", name, RST_MAX_PROVIDER_NAME) < 0 ||
        rst_process_prepare() < 0)
        return NULL;
    provider = calloc(1, sizeof(*provider) + strlen(name) + 1);
    if (!provider) {
        rst_fail(ENOMEM, "no memory for provider \"%s\"", name);
        return NULL;
    }
    memcpy(provider->name, name, strlen(name) + 1);
    provider->last = &provider->first;
    provider->last_pending = &provider->pending;

    rst_lock();
    provider->next = rst_providers;
    rst_providers = provider;
    rst_unlock();
    return provider;
}

static void unlink_provider(rst_provider *provider)
{
    rst_provider **link = &rst_providers;

    while (*link != provider)
        link = &(*link)->next;
    *link = provider->next;
}

void rst_provider_free(rst_provider *provider)
{
    RST_UNCANCELLED;
    int error = errno;
    bool unlisted;

    if (!provider)
        return;
    rst_lock();
    unlink_provider(provider);
    for (struct probe *probe = provider->first; probe; probe = probe->next)
        rst_registry_remove(probe);
    unlisted = provider->objects != NULL;
    if (unlisted)
        rst_unlisted_begin();
    rst_unlock();

    while (provider->objects) {
        struct rst_object *object = provider->objects;

        provider->objects = object->next;
        rst_object_close(object);
        free(object);
    }
    if (unlisted) {
        rst_lock();
        rst_unlisted_end();
        rst_unlock();
    }
    while (provider->first) {
        struct probe *probe = provider->first;

        provider->first = probe->next;
        free(probe);
    }
    free(provider->directory);
    free(provider);
    errno = error;
}

/* A NULL provider is most often one that could not be made: then that is what should be read. */
int rst_fail_null_provider(void)
{
    static const char words[] = "provider is NULL";
    const char *last = rst_error();

    if (strncmp(last, words, strlen(words)) == 0)
        return rst_fail(EINVAL, "%s", last);
    if (*last)
        return rst_fail(EINVAL, "%s; the error before was: %s", words, last);
    return rst_fail(EINVAL, "%s", words);
}

/* ------------------------------------------------------------------------- setting -- */

int rst_check_backing(const char *whose, int backing, const char *directory)
{
    if (backing < RST_BACKING_AUTO || backing > RST_BACKING_FILE)
        return rst_fail(EINVAL,
                        "%s %d is unknown; it is one of RST_BACKING_AUTO (%d), RST_BACKING_MEMFD "
                        "(%d), RST_BACKING_FILE (%d)",
                        whose, backing, RST_BACKING_AUTO, RST_BACKING_MEMFD, RST_BACKING_FILE);
    if (directory && directory[0] != '/')
        return rst_fail(EINVAL, "%s: directory %s is not an absolute path", whose,
                        rst_quote(directory).text);
    return 0;
}

int rst_provider_set_backing(rst_provider *provider, int backing, const char *directory)
{
    RST_UNCANCELLED;
    char *copy = NULL;
    int error;

    if (!provider)
        return rst_fail_null_provider();
    error = rst_check_backing("backing", backing, directory);
    if (error < 0)
        return error;
    if (directory && !(copy = strdup(directory)))
        return rst_fail(ENOMEM, "no memory for directory %s", rst_quote(directory).text);

    rst_lock();
    if (provider->objects) {
        error = rst_fail(EBUSY, "provider \"%s\" has been loaded; set its backing before that",
                         provider->name);
    } else {
        char *old = provider->directory;

        provider->backing = backing;
        provider->directory = copy;
        copy = old;
    }
    rst_unlock();
    free(copy);
    return error;
}

/* ---------------------------------------------------------------------- adding probes -- */

/* One allocation: the probe, its name, and the plain form of its signature. */
static struct probe *new_probe(rst_provider *provider, const char *name, const char *signature)
{
    size_t name_size = strlen(name) + 1;
    struct probe *probe = calloc(1, sizeof(*probe) + name_size + rst_signature_room(signature));
    char *text = (char *)(probe + 1);

    if (!probe) {
        rst_fail(ENOMEM, "no memory for probe \"%s:%s\"", provider->name, name);
        return NULL;
    }
    if (rst_signature_parse(signature, text + name_size, &probe->description.signature) < 0) {
        int error = errno;

        free(probe);
        errno = error;
        return NULL;
    }
    probe->description.name = memcpy(text, name, name_size);
    probe->provider = provider;
    probe->hash = rst_registry_hash(provider->name, name);
    rst_probe_detach(probe);
    return probe;
}

static int insert_probe(rst_provider *provider, struct probe *probe)
{
    const char *name = probe->description.name;
    int error;

    if (rst_registry_find(probe->hash, provider->name, name))
        return rst_fail(EEXIST, "probe \"%s:%s\" exists already; give each its own name",
                        provider->name, name);
    error = rst_registry_insert(probe);
    if (error < 0)
        return error;
    *provider->last = probe;
    provider->last = &probe->next;
    rst_probe_await_load(probe);
    return 0;
}

rst_probe *rst_provider_add(rst_provider *provider, const char *name, const char *signature)
{
    struct probe *probe;
    int error;

    if (!provider) {
        rst_fail_null_provider();
        return NULL;
    }
    if (rst_name_check("probe name", name, 0) < 0)
        return NULL;
    probe = new_probe(provider, name, signature);
    if (!probe)
        return NULL;

    rst_lock();
    error = insert_probe(provider, probe);
    rst_unlock();
    if (error < 0) {
        free(probe);
        errno = -error;
        return NULL;
    }
    return &probe->handle;
}

/* ---------------------------------------------------------------------------- asking -- */

const char *rst_provider_name(const rst_provider *provider)
{
    return provider ? provider->name : NULL;
}

bool rst_provider_loaded(const rst_provider *provider)
{
    bool loaded = false;

    if (provider) {
        rst_lock();
        loaded = provider->loaded;
        rst_unlock();
    }
    return loaded;
}

const char *rst_version(void)
{
    return RST_VERSION;
}
