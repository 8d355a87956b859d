/* SPDX-License-Identifier: MIT */
/*
 * The dynamic linker's side of a loaded image (dlopen(3), and the link map that debuggers read).
 */
#ifndef RST_LOADER_H
#define RST_LOADER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct link_map;

struct rst_loaded {
    struct rst_loaded *next; /* in the process */
    dev_t device;            /* the file that the linker knows it by: what it was loaded from */
    ino_t inode;
    void *handle;
    struct link_map *map;
    char *name;    /* the linker's own copy of the path, which it frees */
    uint8_t *base; /* where the image's offset 0 is */
};

/*
 * In the child after a fork: see whether another thread of the parent was in the linker at that
 * moment. Then it must not be called here any more.
 */
void rst_loader_forked_child(void);

/* Gives 0, or -ENOEXEC if the linker must not be called. */
int rst_loader_check(void);

/* Whether the linker would take `path` for a library that it has loaded already. */
bool rst_loader_knows(const char *path);

/*
 * Whether the linker would take that file for one of our images: it knows them by device and inode,
 * also after the file was removed and its inode used again.
 */
bool rst_loader_knows_file(dev_t device, ino_t inode);

/*
 * Load the image at `path`, which is that file. Gives 0 or a negative errno; `ret`, which must stay
 * where it is until it is closed, is untouched on failure.
 */
int rst_loader_open(const char *path, dev_t device, ino_t inode, struct rst_loaded *ret);

/*
 * Put `path` into the link map, where gdb reads it; "" makes gdb pass the entry over. The string
 * must live until it is replaced or the image closed.
 */
void rst_loader_rename(struct rst_loaded *loaded, char *path);

/* Unload the image, and all that was mapped in its place since; it stays where the linker must not
 * be called. */
void rst_loader_close(struct rst_loaded *loaded);

#endif
