/* SPDX-License-Identifier: MIT */
#include "runtime/fork.h"

#include <pthread.h>
#include <stdbool.h>

#include "error.h"
#include "runtime/handle.h"
#include "runtime/linker.h"
#include "runtime/lock.h"
#include "runtime/object.h"
#include "runtime/registry.h"
#include "runtime/resident.h"

/* ------------------------------------------------------------------------ forking -- */

static void prepare_fork(void)
{
    RST_UNDISTURBED;

    rst_lock_to_fork();
    rst_linker_forking();
}

static void mark_forked(void)
{
    rst_registry_visit(rst_object_forked_parent);
}

static void forked_parent(void)
{
    const bool amid_work = rst_forking_amid_work();

    if (!amid_work)
        mark_forked();
    rst_unlock_forked_parent(amid_work ? mark_forked : NULL);
}

static void repair(struct rst_object *object)
{
    struct rst_kept_error before = rst_error_keep();

    if (rst_object_forked_child(object) < 0)
        rst_handles_detach(object);
    rst_error_restore(&before);
}

/*
 * What another thread of the parent was opening will never be open here: its probes wait for the
 * next load. The object itself stays behind, for that thread may have been anywhere in it.
 */
static void abandon_unopened(rst_provider *provider)
{
    struct rst_object **link = &provider->objects;

    while (*link) {
        struct rst_object *object = *link;

        if (object->open || object->opener == rst_this_thread()) {
            link = &object->next;
            continue;
        }
        for (size_t i = 0; i < object->count; i++)
            rst_registry_await_load(rst_handle_of(object->probes[i]));
        *link = object->next;
    }
}

static void abandon_all(void)
{
    for (rst_provider *provider = rst_providers; provider; provider = provider->next)
        abandon_unopened(provider);
}

static void repair_all(void)
{
    abandon_all();
    rst_registry_visit(repair);
}

static void forked_child(void)
{
    const bool amid_work = rst_forking_amid_work();

    rst_linker_forked_child();
    rst_resident_forked_child();
    if (!amid_work)
        rst_registry_visit(repair);
    rst_unlock_forked_child(amid_work ? repair_all : abandon_all);
}

int rst_fork_prepare(void)
{
    static bool prepared;
    int error = 0;

    rst_lock();
    if (!prepared)
        error = pthread_atfork(prepare_fork, forked_parent, forked_child);
    prepared = error == 0;
    rst_unlock();
    return error ? rst_fail_errno(error, "pthread_atfork") : 0;
}

/* ------------------------------------------------------------------------ exiting -- */

/*
 * Other threads may go on firing, and loading: from now on that loads nothing. A load or a free
 * that is under way removes its file itself. It may be stuck: musl's dlopen(3) never returns once
 * the program exits. Then its file is removed here. If it is stuck with the lock, the next program
 * that makes a file there removes this one.
 */
__attribute__((destructor)) static void remove_files(void)
{
    if (!rst_lock_to_exit())
        return;
    for (rst_provider *provider = rst_providers; provider; provider = provider->next)
        for (struct rst_object *object = provider->objects; object; object = object->next)
            rst_object_exit(object);
    rst_unlock();
}
