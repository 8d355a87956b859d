/* SPDX-License-Identifier: MIT */
/*
 * An object: some probes' image with a backing, loaded. It is in one of two states, at the same
 * addresses in both:
 *
 *     shown    its memory is the backing's, so that tracers find it
 *     hidden   its memory is anonymous: the stubs still return and the semaphores read zero
 */
#ifndef RST_OBJECT_H
#define RST_OBJECT_H

#include <stdbool.h>

#include "arch/arch.h"
#include "backing/kind.h"
#include "image/image.h"
#include "rst.h"
#include "runtime/linker.h"

struct rst_object {
    struct rst_object *next;
    const char *provider; /* the name; the provider's own */
    const void *opener;   /* the thread that opens it, or has (rst_this_thread()) */
    bool open;            /* false while it is being opened, without the lock */
    bool backed;          /* it has a backing, which may outlive the process */
    bool shown;           /* all of its memory that tracers look at is the backing's */
    bool hidden;          /* none is; neither holds after swapping has failed halfway */
    uint64_t uncounted;   /* which sites were so after the last repair; see uncounted.h */
    const struct rst_arch *arch;
    enum rst_nop nop;
    struct rst_map map;
    struct rst_backing backing;
    struct rst_loaded loaded;
    size_t count;
    const struct rst_description *probes[]; /* each part of a probe, which outlives the object */
};

/* What to open an object with. */
struct rst_object_options {
    const struct rst_arch *arch;
    enum rst_nop nop;
    int backing;           /* RST_BACKING_AUTO and so on */
    const char *directory; /* of the file backing, NULL for the default */
};

/*
 * Make the image of the object's probes, back it, load it and show it. Takes the dynamic linker's
 * lock, so the caller must hold none that a constructor might want. Gives 0 or a negative errno;
 * then nothing is left.
 */
int rst_object_open(struct rst_object *object, const struct rst_object_options *options);

/* Unload an open object. Takes the dynamic linker's lock. */
void rst_object_close(struct rst_object *object);

/*
 * Show it, making the backing anew if something has closed it; or hide it. Gives 0 or a negative
 * errno: then it is not shown, though tracers may still find it, unless it was shown before and its
 * backing could not be made anew, which leaves it as it was. Either may be tried again.
 */
int rst_object_show(struct rst_object *object);
int rst_object_hide(struct rst_object *object);

/* After a fork, in the parent and in the child. The child's may fail: then its text may be unfit to
 * run, and its handles must leave it. */
void rst_object_forked_parent(struct rst_object *object);
int rst_object_forked_child(struct rst_object *object);

/* As the program exits: leave nothing of it behind that would outlive the process, be it open yet
 * or not. Under the lock. */
void rst_object_exit(struct rst_object *object);

/* What a tracer attaches to; NULL while the object is hidden, or if the path leads elsewhere. */
const char *rst_object_path(const struct rst_object *object);

/* Where probe `index` has its semaphore and its function. */
const volatile uint32_t *rst_object_semaphore(const struct rst_object *object, size_t index);
rst_function rst_object_function(const struct rst_object *object, size_t index);

#endif
