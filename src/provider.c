/* SPDX-License-Identifier: MIT */
/*
 * The life of a provider: probes are added, a load makes an object of those that have none yet,
 * and loads and unloads show and hide the objects.
 */
#include "provider.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "nop.h"

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
    int error = errno;

    if (!provider)
        return;
    rst_lock();
    rst_linking_begin();
    unlink_provider(provider);
    for (struct probe *probe = provider->first; probe; probe = probe->next)
        rst_registry_remove(probe);
    rst_unlock();

    while (provider->objects) {
        struct rst_object *object = provider->objects;

        provider->objects = object->next;
        rst_object_close(object);
        free(object);
    }
    rst_lock();
    rst_linking_end();
    rst_unlock();
    while (provider->first) {
        struct probe *probe = provider->first;

        provider->first = probe->next;
        free(probe);
    }
    free(provider->directory);
    free(provider);
    errno = error;
}

/* ------------------------------------------------------------------------- setting -- */

/* Check what the program or the environment (`whose`) asks for. */
static int check_backing(const char *whose, int backing, const char *directory)
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
    char *copy = NULL;
    int error;

    if (!provider)
        return rst_fail(EINVAL, "provider is NULL");
    error = check_backing("backing", backing, directory);
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
        rst_fail(EINVAL, "provider is NULL");
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

/* --------------------------------------------------------------------------- loading -- */

/*
 * Take the probes that no load has taken yet, as an object to be opened. Gives 0, with `ret` NULL
 * if there are none, or -ENOMEM.
 */
static int take_probes(rst_provider *provider, struct rst_object **ret)
{
    size_t count = provider->pending_count;
    struct rst_object *object;

    *ret = NULL;
    if (count == 0)
        return 0;
    object = calloc(1, sizeof(*object) + count * sizeof(const struct rst_description *));
    if (!object)
        return rst_fail(ENOMEM, "provider \"%s\": no memory for %zu probes", provider->name, count);
    object->provider = provider->name;
    for (struct probe *probe = provider->pending; probe; probe = probe->next_pending) {
        probe->object = object;
        probe->index = object->count++;
        object->probes[probe->index] = &probe->description;
    }
    provider->pending = NULL;
    provider->last_pending = &provider->pending;
    provider->pending_count = 0;
    object->next = provider->objects;
    provider->objects = object;
    *ret = object;
    return 0;
}

/* Give the probes of an object that could not be opened back to the next load. */
static void return_probes(rst_provider *provider, struct rst_object *object)
{
    struct rst_object **link = &provider->objects;

    while (*link != object)
        link = &(*link)->next;
    *link = object->next;
    for (size_t i = 0; i < object->count; i++)
        rst_probe_await_load(rst_probe_of(object->probes[i]));
    free(object);
}

static void attach_probes(struct rst_object *object)
{
    for (size_t i = 0; i < object->count; i++)
        rst_probe_attach(rst_probe_of(object->probes[i]));
}

void rst_probes_detach(struct rst_object *object)
{
    for (size_t i = 0; i < object->count; i++)
        rst_probe_detach(rst_probe_of(object->probes[i]));
}

/* Hide one object. Where its semaphores can't be replaced, its handles leave them. */
static int hide(struct rst_object *object)
{
    int error = rst_object_hide(object, rst_native_arch());

    if (error < 0)
        rst_probes_detach(object);
    return error;
}

static int hide_all(rst_provider *provider)
{
    int first_error = 0;

    for (struct rst_object *object = provider->objects; object; object = object->next) {
        int error = object->open ? hide(object) : 0;

        if (first_error == 0)
            first_error = error;
    }
    return first_error;
}

static int show_all(rst_provider *provider)
{
    for (struct rst_object *object = provider->objects; object; object = object->next) {
        bool was_shown = object->shown;
        int error = object->open ? rst_object_show(object, rst_native_arch()) : 0;

        if (error < 0) {
            if (!object->shown)
                rst_probes_detach(object);
            return error;
        }
        if (object->open && !was_shown)
            attach_probes(object);
    }
    return 0;
}

/* What RST_BACKING says, else what the program said. `options` gets the two fields. */
static int choose_backing(const rst_provider *provider, struct rst_object_options *options)
{
    const char *wish = secure_getenv("RST_BACKING");

    options->backing = provider->backing;
    options->directory = provider->directory;
    if (!wish || !*wish)
        return 0;
    options->directory = NULL;
    if (strcmp(wish, "memfd") == 0) {
        options->backing = RST_BACKING_MEMFD;
        return 0;
    }
    options->backing = RST_BACKING_FILE;
    if (strcmp(wish, "file") == 0)
        return 0;
    if (strncmp(wish, "file:", strlen("file:")) != 0)
        return rst_fail(EINVAL, "RST_BACKING=%s is not \"memfd\", \"file\" or \"file:DIR\"",
                        rst_quote(wish).text);
    options->directory = wish + strlen("file:");
    return check_backing("RST_BACKING", options->backing, options->directory);
}

/* Undo a load that failed: what was not loaded before it is hidden. */
static void roll_back(rst_provider *provider, struct rst_object *object)
{
    struct rst_kept_error why = rst_error_keep();

    if (object)
        hide(object);
    if (!provider->loaded)
        hide_all(provider);
    rst_error_restore(&why);
}

/* After the object was opened, or failed to be: let the provider have it. */
static int finish_load(rst_provider *provider, struct rst_object *object, unsigned unloads,
                       int error)
{
    if (error < 0) {
        return_probes(provider, object);
        return error;
    }
    if (object) {
        object->open = true;
        attach_probes(object);
    }
    if (provider->unloads != unloads) /* an unload came after this load */
        return object ? hide(object) : 0;
    error = show_all(provider);
    if (error < 0) {
        roll_back(provider, object);
        return error;
    }
    provider->loaded = true;
    return 0;
}

static bool is_disabled(void)
{
    const char *wish = secure_getenv("RST_DISABLE");

    return wish && *wish && strcmp(wish, "0") != 0;
}

int rst_provider_load(rst_provider *provider)
{
    struct rst_object_options options = {.arch = rst_native_arch()};
    struct rst_object *object = NULL;
    unsigned unloads;
    int error;

    if (!provider)
        return rst_fail(EINVAL, "provider is NULL");
    if (is_disabled())
        return 0;
    if (!options.arch)
        return rst_fail(ENOTSUP, "librst does not know this CPU; it knows x86_64");
    error = rst_nop_choose(&options.nop);
    if (error < 0)
        return error;

    rst_lock();
    error = choose_backing(provider, &options);
    if (error == 0)
        error = take_probes(provider, &object);
    if (object)
        rst_linking_begin();
    unloads = provider->unloads;
    rst_unlock();
    if (error < 0)
        return error;

    if (object)
        error = rst_object_open(object, &options);

    rst_lock();
    if (object)
        rst_linking_end();
    error = finish_load(provider, object, unloads, error);
    rst_unlock();
    return error;
}

int rst_provider_unload(rst_provider *provider)
{
    int error;

    if (!provider)
        return rst_fail(EINVAL, "provider is NULL");
    rst_lock();
    provider->unloads++;
    provider->loaded = false;
    error = hide_all(provider);
    rst_unlock();
    return error;
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
