/* SPDX-License-Identifier: MIT */
/*
 * Loading and unloading: a load makes an object of the probes that have none yet; loads and unloads
 * show and hide the objects.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "arch/nop.h"
#include "backing/backing.h"
#include "error.h"
#include "rst.h"
#include "runtime/handle.h"
#include "runtime/lock.h"
#include "runtime/object.h"
#include "runtime/provider.h"
#include "runtime/registry.h"

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
    object->opener = rst_this_thread();
    for (struct rst_handle *handle = provider->pending; handle; handle = handle->next_pending) {
        handle->object = object;
        handle->index = (uint32_t)object->count;
        object->probes[object->count++] = &handle->description;
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
        rst_registry_await_load(rst_handle_of(object->probes[i]));
    free(object);
}

/* Hide one object. Where its semaphores can't be replaced, its handles leave them. */
static int hide(struct rst_object *object)
{
    int error = rst_object_hide(object);

    if (error < 0)
        rst_handles_detach(object);
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

/* Show all objects that are open but the `newest`, which is shown since it was opened. */
static int show_all(rst_provider *provider, const struct rst_object *newest)
{
    for (struct rst_object *object = provider->objects; object; object = object->next) {
        bool was_shown = object->open && object->shown;
        int error;

        if (!object->open || (object == newest && was_shown))
            continue;
        error = rst_object_show(object);
        if (error < 0) {
            if (!object->shown)
                rst_handles_detach(object);
            return error;
        }
        if (!was_shown)
            rst_handles_attach(object);
    }
    return 0;
}

/*
 * What RST_BACKING says, else what the program said. `directory` is to be freed: another thread may
 * set another.
 */
static int choose_backing(const rst_provider *provider, struct rst_object_options *options,
                          char **directory)
{
    struct rst_backing_choice choice = {provider->backing, provider->directory};
    int error = rst_backing_choose(&choice);

    if (error == 0 && choice.directory && !(*directory = strdup(choice.directory)))
        return rst_fail(ENOMEM, "no memory for directory %s", rst_quote(choice.directory).text);
    options->backing = choice.backing;
    options->directory = *directory;
    return error;
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

static int check_exiting(const rst_provider *provider)
{
    if (!rst_exiting())
        return 0;
    return rst_fail(ECANCELED, "provider \"%s\": the program is exiting", provider->name);
}

/* What the load needs, decided and taken under the lock. `object` is what is to be opened. */
static int begin_load(rst_provider *provider, struct rst_object_options *options, char **directory,
                      struct rst_object **object)
{
    int error = check_exiting(provider);

    if (error == 0)
        error = choose_backing(provider, options, directory);
    if (error == 0)
        error = take_probes(provider, object);
    if (*object)
        rst_unlisted_begin();
    return error;
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
        rst_handles_attach(object);
    }
    /* An unload came after this load began, and no other load after that. */
    if (provider->unloads != unloads && !provider->loaded)
        return object ? hide(object) : 0;
    error = check_exiting(provider);
    if (error == 0)
        error = show_all(provider, object);
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
    RST_UNDISTURBED;
    struct rst_object_options options = {.arch = rst_arch_native()};
    struct rst_object *object = NULL;
    char *directory = NULL;
    unsigned unloads;
    int error;

    if (!provider)
        return rst_fail_null_provider();
    if (is_disabled())
        return 0;
    if (!options.arch)
        return rst_fail(ENOTSUP, "librst does not know this CPU; it knows %s", rst_arch_names);
    error = rst_nop_choose(&options.nop);
    if (error < 0)
        return error;

    rst_lock();
    error = begin_load(provider, &options, &directory, &object);
    unloads = provider->unloads;
    rst_unlock();

    if (error == 0 && object)
        error = rst_object_open(object, &options);

    if (error == 0 || object) {
        rst_lock();
        error = finish_load(provider, object, unloads, error);
        if (object)
            rst_unlisted_end();
        rst_unlock();
    }
    free(directory);
    return error;
}

int rst_provider_unload(rst_provider *provider)
{
    RST_UNDISTURBED;
    int error;

    if (!provider)
        return rst_fail_null_provider();
    rst_lock();
    provider->unloads++;
    provider->loaded = false;
    error = hide_all(provider);
    rst_unlock();
    return error;
}
