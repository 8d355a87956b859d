/* SPDX-License-Identifier: MIT */
#include "runtime/provider.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backing/check.h"
#include "error.h"
#include "image/signature.h"
#include "rst.h"
#include "runtime/fork.h"
#include "runtime/handle.h"
#include "runtime/lock.h"
#include "runtime/object.h"
#include "runtime/registry.h"

/* -------------------------------------------------------------- making and freeing -- */

rst_provider *rst_provider_new(const char *name)
{
    rst_provider *provider;

    if (rst_name_check("provider name", name, RST_MAX_PROVIDER_NAME) < 0 || rst_fork_prepare() < 0)
        return NULL;
    provider = calloc(1, sizeof(*provider) + strlen(name) + 1);
    if (!provider) {
        rst_fail(ENOMEM, "no memory for provider \"%s\"", name);
        return NULL;
    }
    memcpy(provider->name, name, strlen(name) + 1);
    provider->hash = rst_registry_hash(RST_REGISTRY_HASH, name);
    provider->last = &provider->first;
    provider->last_pending = &provider->pending;

    rst_lock();
    rst_registry_add(provider);
    rst_unlock();
    return provider;
}

void rst_provider_free(rst_provider *provider)
{
    RST_UNDISTURBED;
    int error = errno;
    bool unlisted;

    if (!provider)
        return;
    rst_lock();
    rst_registry_remove(provider);
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
        struct rst_handle *handle = provider->first;

        provider->first = handle->next;
        free(handle);
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

int rst_provider_set_backing(rst_provider *provider, int backing, const char *directory)
{
    RST_UNDISTURBED;
    char *copy = NULL;
    int error;

    if (!provider)
        return rst_fail_null_provider();
    error = rst_backing_check("backing", backing, directory);
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

/* One allocation: the handle, its name, and the plain form of its signature. */
static struct rst_handle *new_handle(rst_provider *provider, const char *name,
                                     const char *signature)
{
    size_t name_size = strlen(name) + 1;
    struct rst_handle *handle =
        calloc(1, sizeof(*handle) + name_size + rst_signature_room(signature));
    char *text = (char *)(handle + 1);

    if (!handle) {
        rst_fail(ENOMEM, "no memory for probe \"%s:%s\"", provider->name, name);
        return NULL;
    }
    if (rst_signature_parse(signature, text + name_size, &handle->description.signature) < 0) {
        int error = errno;

        free(handle);
        errno = error;
        return NULL;
    }
    handle->description.name = memcpy(text, name, name_size);
    handle->provider = provider;
    handle->hash = rst_registry_hash(provider->hash, name);
    rst_handle_detach(handle);
    return handle;
}

static int insert_handle(rst_provider *provider, struct rst_handle *handle)
{
    const char *name = handle->description.name;
    int error;

    if (rst_registry_find(handle->hash, provider->name, name))
        return rst_fail(EEXIST, "probe \"%s:%s\" exists already; give each its own name",
                        provider->name, name);
    error = rst_registry_insert(handle);
    if (error < 0)
        return error;
    *provider->last = handle;
    provider->last = &handle->next;
    rst_registry_await_load(handle);
    return 0;
}

rst_probe *rst_provider_add(rst_provider *provider, const char *name, const char *signature)
{
    struct rst_handle *handle;
    int error;

    if (!provider) {
        rst_fail_null_provider();
        return NULL;
    }
    if (rst_name_check("probe name", name, RST_MAX_PROBE_NAME) < 0)
        return NULL;
    handle = new_handle(provider, name, signature);
    if (!handle)
        return NULL;

    rst_lock_briefly();
    error = insert_handle(provider, handle);
    rst_unlock_briefly();
    if (error < 0) {
        free(handle);
        errno = -error;
        return NULL;
    }
    return &handle->probe;
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
