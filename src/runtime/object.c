/* SPDX-License-Identifier: MIT */
/*
 * Swapping in place: hiding replaces each part of the loaded image by an anonymous copy, moved onto
 * it by mremap(2); showing maps the backing over the copy. Either is one system call a part, so
 * that a thread which reads or runs it at that moment sees the old or the new, never a gap.
 *
 *   - The copy of the stubs is made from what they should be, not from memory, which may hold a
 *     tracer's breakpoints. That of the semaphores is zero.
 *   - The semaphores are mapped before the text: the kernel counts a tracer in when it puts the
 *     breakpoint into newly mapped text, and there must be a fresh semaphore to count in.
 */
#include "runtime/object.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backing/backing.h"
#include "error.h"
#include "image/stubs.h"
#include "image/writer.h"
#include "runtime/lock.h"
#include "runtime/retired.h"
#include "runtime/swap.h"
#include "runtime/uncounted.h"

#define WORDS_SIZE 256 /* of the first error, where there are two */

static size_t page_end(size_t offset)
{
    return (size_t)rst_align(offset, (uint64_t)sysconf(_SC_PAGESIZE));
}

/* ------------------------------------------------------------------------ opening -- */

static struct rst_image_spec spec_of(const struct rst_object *object)
{
    return (struct rst_image_spec){
        .arch = object->arch,
        .nop = object->nop,
        .provider = object->provider,
        .probes = object->probes,
        .count = object->count,
    };
}

/* Load the image, and see that it is this one. */
static int load(const char *path, const struct rst_image *image, struct rst_loaded *loaded)
{
    size_t id = image->map.build_id;
    int error = rst_linker_open(path, loaded);

    if (error < 0 || memcmp(loaded->base + id, image->bytes + id, RST_BUILD_ID_SIZE) == 0)
        return error;
    rst_linker_close(loaded);
    return rst_fail(ENOEXEC, "dlopen took %s for another library that it has loaded", path);
}

/* The dynamic linker may never return, as the program exits: who exits removes the backing then. */
static void set_backed(struct rst_object *object, bool backed)
{
    rst_lock();
    object->backed = backed;
    rst_unlock();
}

/* Back the image with the one kind and load it. */
static int open_with(struct rst_object *object, const struct rst_backing_operations *kind,
                     const struct rst_backing_request *request)
{
    int error = kind->create(request, &object->backing);

    if (error < 0)
        return error;
    set_backed(object, true);
    error = load(rst_backing_load_path(&object->backing), request->image, &object->loaded);
    rst_backing_loaded(&object->backing);
    if (error < 0) {
        set_backed(object, false);
        rst_backing_release(&object->backing);
        return error;
    }
    rst_linker_rename(&object->loaded, object->backing.path->text);
    return 0;
}

/* Try one kind after the other, until one can be loaded. */
static int open_with_any(struct rst_object *object,
                         const struct rst_backing_operations *const *kinds,
                         const struct rst_backing_request *request)
{
    struct rst_kept_error before = rst_error_keep();
    int error = open_with(object, *kinds, request);

    while (error < 0 && *++kinds) {
        char words[WORDS_SIZE];

        snprintf(words, sizeof(words), "%s", rst_error());
        error = open_with(object, *kinds, request);
        if (error == 0)
            rst_error_restore(&before);
        else
            rst_fail(-error, "%s; nor as a file: %s", words, rst_error());
    }
    return error;
}

int rst_object_open(struct rst_object *object, const struct rst_object_options *options)
{
    struct rst_backing_request request = {
        .provider = object->provider,
        .directory = options->directory,
        .is_known = rst_linker_knows,
    };
    struct rst_image_spec spec;
    struct rst_image image;
    int error;

    error = rst_linker_check();
    if (error < 0)
        return error;
    object->arch = options->arch;
    object->nop = options->nop;
    spec = spec_of(object);
    error = rst_image_make(&spec, &image);
    if (error < 0)
        return error;
    object->map = image.map;
    request.image = &image;
    error = open_with_any(object, rst_backing_kinds(options->backing), &request);
    free(image.bytes);
    object->shown = error == 0;
    return error;
}

void rst_object_close(struct rst_object *object)
{
    if (!rst_linker_unmaps) {
        rst_retire(object->loaded.base, &object->map); /* if that fails, the image stays mapped */
        rst_backing_keep_inode(&object->backing);
    }
    rst_linker_close(&object->loaded);
    rst_backing_release(&object->backing);
}

/* ------------------------------------------------------------------------- hiding -- */

/* Gives NULL and errno on failure. */
static uint8_t *map_anonymous(const struct rst_object *object, size_t size)
{
    uint8_t *memory = rst_swap_room(size);

    if (!memory)
        rst_fail_errno(errno, "provider \"%s\": mmap of %zu bytes", object->provider, size);
    return memory;
}

/* Move memory of the given size onto the object. It is gone from where it was, also on failure. */
static int move_onto(struct rst_object *object, uint8_t *memory, size_t offset, size_t size,
                     int protection)
{
    const struct rst_swap swap = {
        .at = object->loaded.base + offset,
        .size = size,
        .protection = protection,
        /* The dynamic linker has written to the writable part: only the copy will do. */
        .file = protection & PROT_WRITE ? NULL : &object->backing.file,
        .offset = offset,
    };
    int error = rst_swap_move(&swap, memory);

    if (error == 0)
        return 0;
    rst_fail_errno(-error, "provider \"%s\": mremap", object->provider);
    munmap(memory, size);
    return error;
}

/* The writable part: zeros for the semaphores, and the dynamic linker's own data. */
static int hide_semaphores(struct rst_object *object)
{
    const struct rst_map *map = &object->map;
    size_t size = page_end(map->end) - map->dynamic;
    uint8_t *copy = map_anonymous(object, size);

    if (!copy)
        return -errno;
    memcpy(copy, object->loaded.base + map->dynamic, map->dynamic_size);
    return move_onto(object, copy, map->dynamic, size, PROT_READ | PROT_WRITE);
}

/*
 * Move the stubs onto the object, or, where anonymous memory may not become executable, map them
 * from a file that has nothing else. They are gone from where they were.
 */
static int hide_stubs(struct rst_object *object, uint8_t *stubs, size_t size)
{
    const struct rst_image copy = {.bytes = stubs, .size = size};
    struct rst_kept_error before = rst_error_keep();
    uint8_t *text = object->loaded.base + object->map.text;
    char words[WORDS_SIZE];
    int error;

    if (mprotect(stubs, size, PROT_READ | PROT_EXEC) == 0)
        return move_onto(object, stubs, object->map.text, size, PROT_READ | PROT_EXEC);
    error =
        rst_fail_errno(errno, "provider \"%s\": mprotect of anonymous memory", object->provider);
    if (error == -EACCES || error == -EPERM) {
        snprintf(words, sizeof(words), "%s", rst_error());
        if (rst_backing_map_copy(&object->backing, &copy, text) == 0) {
            rst_error_restore(&before);
            error = 0;
        } else {
            rst_fail(-error, "%s; nor of a file: %s", words, rst_error());
        }
    }
    munmap(stubs, size);
    return error;
}

/* The headers and tables, and the stubs. A policy against anonymous code may refuse it. */
static int hide_text(struct rst_object *object)
{
    const struct rst_map *map = &object->map;
    size_t text_size = map->dynamic - map->text;
    uint8_t *copy = map_anonymous(object, map->dynamic);
    int error;

    if (!copy)
        return -errno;
    memcpy(copy, object->loaded.base, map->readable);
    rst_stubs_write(object->arch, object->nop, object->count, copy + map->text);
    /* On most CPUs but x86, what was written may not be what would be run. */
    __builtin___clear_cache((char *)copy + map->text, (char *)copy + map->dynamic);
    if (mprotect(copy, map->text, PROT_READ) < 0) {
        error = rst_fail_errno(errno, "provider \"%s\": mprotect", object->provider);
        munmap(copy, map->dynamic);
        return error;
    }
    error = hide_stubs(object, copy + map->text, text_size);
    if (error < 0) {
        munmap(copy, map->text);
        return error;
    }
    return move_onto(object, copy, 0, map->text, PROT_READ);
}

/* The semaphores first, which needs no leave: from then on it is disabled, whatever follows. */
static int hide_memory(struct rst_object *object)
{
    int error = hide_semaphores(object);

    object->shown = false;
    if (error == 0)
        error = hide_text(object);
    object->hidden = error == 0;
    return error;
}

int rst_object_hide(struct rst_object *object)
{
    int error = object->hidden ? 0 : hide_memory(object);

    if (error < 0)
        return error;
    rst_linker_rename(&object->loaded, NULL);
    object->backing.kind->hide(&object->backing);
    return 0;
}

/* ------------------------------------------------------------------------ showing -- */

static int map_part(struct rst_object *object, size_t from, size_t to, int protection)
{
    if (mmap(object->loaded.base + from, to - from, protection, MAP_PRIVATE | MAP_FIXED,
             object->backing.file.fd, (off_t)from) == MAP_FAILED)
        return rst_fail_errno(errno, "provider \"%s\": mmap of %s", object->provider,
                              object->backing.path->text);
    return 0;
}

/* Map the parts that tracers write to, afresh. */
static int map_traced(struct rst_object *object)
{
    const struct rst_map *map = &object->map;
    int error = map_part(object, map->semaphores, page_end(map->end), PROT_READ | PROT_WRITE);

    if (error < 0)
        return error;
    return map_part(object, map->text, map->dynamic, PROT_READ | PROT_EXEC);
}

static bool is_intact(struct rst_object *object)
{
    return object->backing.kind->is_intact(&object->backing);
}

static int restore_backing(struct rst_object *object)
{
    struct rst_image_spec spec = spec_of(object);
    struct rst_image image;
    int error = rst_image_make(&spec, &image);

    if (error < 0)
        return error;
    error = object->backing.kind->create_again(&object->backing, object->provider, &image);
    free(image.bytes);
    return error;
}

static int show_memory(struct rst_object *object)
{
    int error;

    object->hidden = false;
    error = map_traced(object);
    if (error < 0)
        return error;
    return map_part(object, 0, object->map.text, PROT_READ);
}

static uint64_t uncounted(const struct rst_object *object)
{
    return rst_uncounted(&(struct rst_sites){
        .arch = object->arch,
        .nop = object->nop,
        .count = object->count,
        .stubs = object->loaded.base + object->map.text,
        .semaphores = object->loaded.base + object->map.semaphores,
    });
}

/* Have the kernel count tracers in again that a semaphore has lost. */
static int repair_semaphores(struct rst_object *object)
{
    uint64_t now = uncounted(object);
    int error;

    if (now == 0 || now == object->uncounted || rst_is_debugged())
        return 0;
    error = map_traced(object);
    if (error == 0)
        object->uncounted = uncounted(object); /* those that name no semaphore */
    return error;
}

int rst_object_show(struct rst_object *object)
{
    int error = 0;

    if (!is_intact(object)) {
        error = restore_backing(object);
        if (error < 0)
            return error;
        if (object->shown) /* from the backing that was lost */
            error = hide_memory(object);
    }
    if (error < 0)
        return error;
    if (object->shown)
        return repair_semaphores(object);
    error = show_memory(object);
    if (error < 0) {
        struct rst_kept_error why = rst_error_keep();

        rst_object_hide(object); /* mmap(2) may have left a hole */
        rst_error_restore(&why);
        return error;
    }
    rst_linker_rename(&object->loaded, object->backing.path->text);
    object->shown = true;
    return 0;
}

/* ------------------------------------------------------------- forking and exiting -- */

void rst_object_forked_parent(struct rst_object *object)
{
    object->backing.forked = true;
}

/*
 * An optimised nop5 calls a trampoline that the child lacks, so its text must be the backing's
 * again, without a tracer's changes, before it fires; and the semaphores before that, or the
 * kernel counts the tracer in twice.
 */
int rst_object_forked_child(struct rst_object *object)
{
    object->backing.forked = true;
    object->backing.kind->forked_child(&object->backing);
    if (object->hidden || object->nop != RST_NOP5)
        return 0;
    if (object->shown && is_intact(object) && map_traced(object) == 0)
        return 0;
    return rst_object_hide(object);
}

void rst_object_exit(struct rst_object *object)
{
    if (!object->backed || !object->backing.kind->outlives_process)
        return;
    if (object->open)
        rst_object_hide(object); /* so that we don't count among its users */
    object->backing.kind->hide(&object->backing);
}

/* ---------------------------------------------------------------------- addresses -- */

const char *rst_object_path(const struct rst_object *object)
{
    const struct rst_backing *backing = &object->backing;

    return object->shown && backing->kind->is_at_path(backing) ? backing->path->text : NULL;
}

const volatile uint32_t *rst_object_semaphore(const struct rst_object *object, size_t index)
{
    return (const volatile uint32_t *)(const void *)(object->loaded.base + object->map.semaphores +
                                                     index * RST_SEMAPHORE_SIZE);
}

rst_function rst_object_function(const struct rst_object *object, size_t index)
{
    void *stub =
        object->loaded.base + object->map.text + index * object->arch->stubs[object->nop].stride;
    rst_function function;

    memcpy(&function, &stub, sizeof(function)); /* C has no cast from data to function */
    return function;
}
