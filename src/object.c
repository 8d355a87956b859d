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
#include "object.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "rst.h"
#include "writer.h"

#define BOTH_ERRORS_SIZE 512

static uint64_t page_end(uint64_t offset)
{
    return rst_align(offset, (uint64_t)sysconf(_SC_PAGESIZE));
}

/* ------------------------------------------------------------------------ opening -- */

static struct rst_image_spec spec_of(const struct rst_object *object, const struct rst_arch *arch)
{
    return (struct rst_image_spec){
        .arch = arch,
        .nop = object->nop,
        .provider = object->provider,
        .probes = object->probes,
        .count = object->count,
    };
}

/* Back the image with the one kind and load it. */
static int open_with(struct rst_object *object, int kind, const char *directory,
                     const struct rst_image *image)
{
    int error = kind == RST_BACKING_MEMFD
                    ? rst_memfd_create(object->provider, image, &object->backing)
                    : rst_file_create(directory, object->provider, image, &object->backing);

    if (error < 0)
        return error;
    error = rst_loader_open(object->backing.path->text, object->backing.device,
                            object->backing.inode, &object->loaded);
    if (error < 0) {
        close(object->backing.fd);
        object->backing.fd = -1;
        rst_backing_release(&object->backing);
        return error;
    }
    rst_loader_rename(&object->loaded, object->backing.path->text);
    return 0;
}

/* A memfd, or a file where a memfd, or loading one, is not to be had. */
static int open_auto(struct rst_object *object, const char *directory,
                     const struct rst_image *image)
{
    char first[BOTH_ERRORS_SIZE / 2];
    int error = open_with(object, RST_BACKING_MEMFD, NULL, image);

    if (error == 0)
        return 0;
    snprintf(first, sizeof(first), "%s", rst_error());
    error = open_with(object, RST_BACKING_FILE, directory, image);
    if (error < 0)
        return rst_fail(-error, "%s; nor as a file: %s", first, rst_error());
    return 0;
}

int rst_object_open(struct rst_object *object, const struct rst_object_options *options)
{
    struct rst_image_spec spec;
    struct rst_image image;
    int error;

    error = rst_loader_check();
    if (error < 0)
        return error;
    object->nop = options->nop;
    spec = spec_of(object, options->arch);
    error = rst_image_make(&spec, &image);
    if (error < 0)
        return error;
    object->map = image.map;
    error = options->backing == RST_BACKING_AUTO
                ? open_auto(object, options->directory, &image)
                : open_with(object, options->backing, options->directory, &image);
    free(image.bytes);
    object->shown = error == 0;
    return error;
}

void rst_object_close(struct rst_object *object)
{
    rst_loader_close(&object->loaded);
    rst_backing_release(&object->backing);
}

/* ------------------------------------------------------------------------- hiding -- */

/* Make an anonymous copy of all that is loaded, with the same protections. */
static int make_copy(const struct rst_object *object, const struct rst_arch *arch, uint8_t **ret)
{
    const struct rst_map *map = &object->map;
    const uint8_t *base = object->loaded.base;
    size_t size = page_end(map->end);
    uint8_t *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (copy == MAP_FAILED)
        return rst_fail_errno(errno, "provider \"%s\": mmap of %zu bytes", object->provider, size);
    memcpy(copy, base, map->readable);
    memcpy(copy + map->dynamic, base + map->dynamic, map->dynamic_size);
    rst_image_text(arch, object->nop, object->count, copy + map->text);
    if (mprotect(copy, map->text, PROT_READ) < 0 ||
        mprotect(copy + map->text, map->dynamic - map->text, PROT_READ | PROT_EXEC) < 0) {
        int error = rst_fail_errno(errno, "provider \"%s\": mprotect of anonymous memory",
                                   object->provider);

        munmap(copy, size);
        return error;
    }
    *ret = copy;
    return 0;
}

/* Move the copy onto the object, the semaphores first: from then on it is disabled. */
static int move_copy(struct rst_object *object, uint8_t *copy)
{
    const struct rst_map *map = &object->map;
    uint64_t end = page_end(map->end);
    const uint64_t parts[][2] = {{map->dynamic, end}, {map->text, map->dynamic}, {0, map->text}};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        uint64_t from = parts[i][0], size = parts[i][1] - from;

        if (mremap(copy + from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
                   object->loaded.base + from) == MAP_FAILED) {
            int error = rst_fail_errno(errno, "provider \"%s\": mremap", object->provider);

            munmap(copy, parts[i][1]); /* the parts are moved from the last to the first */
            return error;
        }
    }
    return 0;
}

static int hide_memory(struct rst_object *object, const struct rst_arch *arch)
{
    uint8_t *copy = NULL;
    int error = make_copy(object, arch, &copy);

    object->shown = false;
    if (error == 0)
        error = move_copy(object, copy);
    object->hidden = error == 0;
    return error;
}

int rst_object_hide(struct rst_object *object, const struct rst_arch *arch)
{
    static char nameless[] = "";
    int error = object->hidden ? 0 : hide_memory(object, arch);

    if (error < 0)
        return error;
    rst_loader_rename(&object->loaded, nameless);
    if (object->backing.kind == RST_BACKING_FILE)
        rst_file_remove(&object->backing);
    return 0;
}

/* ------------------------------------------------------------------------ showing -- */

static int map_part(struct rst_object *object, uint64_t from, uint64_t to, int protection)
{
    if (mmap(object->loaded.base + from, to - from, protection, MAP_PRIVATE | MAP_FIXED,
             object->backing.fd, (off_t)from) == MAP_FAILED)
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

static int restore_backing(struct rst_object *object, const struct rst_arch *arch)
{
    struct rst_image_spec spec = spec_of(object, arch);
    struct rst_image image;
    int error = rst_image_make(&spec, &image);

    if (error < 0)
        return error;
    error = object->backing.kind == RST_BACKING_MEMFD
                ? rst_memfd_create_again(&object->backing, object->provider, &image)
                : rst_file_create_again(&object->backing, object->provider, &image);
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

int rst_object_show(struct rst_object *object, const struct rst_arch *arch)
{
    int error = 0;

    if (!rst_backing_intact(&object->backing)) {
        error = restore_backing(object, arch);
        if (error < 0)
            return error;
        if (object->shown) /* from the backing that was lost */
            error = hide_memory(object, arch);
    }
    if (object->shown || error < 0)
        return error;
    error = show_memory(object);
    if (error < 0)
        return error;
    rst_loader_rename(&object->loaded, object->backing.path->text);
    object->shown = true;
    return 0;
}

/* ------------------------------------------------------------------------ forking -- */

void rst_object_forked_parent(struct rst_object *object)
{
    object->backing.forked = true;
}

/*
 * An optimised nop5 calls a trampoline that the child lacks, so its text must be the backing's
 * again, without a tracer's changes, before it fires; and the semaphores before that, or the
 * kernel counts the tracer in twice.
 */
int rst_object_forked_child(struct rst_object *object, const struct rst_arch *arch)
{
    object->backing.forked = true;
    if (object->backing.kind == RST_BACKING_MEMFD)
        rst_memfd_forked(&object->backing);
    if (object->hidden || object->nop != RST_NOP5)
        return 0;
    if (object->shown && rst_backing_intact(&object->backing) && map_traced(object) == 0)
        return 0;
    return rst_object_hide(object, arch);
}

/* ---------------------------------------------------------------------- addresses -- */

const volatile uint16_t *rst_object_semaphore(const struct rst_object *object, size_t index)
{
    return (const volatile uint16_t *)(const void *)(object->loaded.base + object->map.semaphores) +
           index;
}

void *rst_object_function(const struct rst_object *object, const struct rst_arch *arch,
                          size_t index)
{
    return object->loaded.base + object->map.text + index * arch->stubs[object->nop].stride;
}
