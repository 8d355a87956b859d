/* SPDX-License-Identifier: MIT */
/*
 * The dynamic linker's side of a loaded image (dlopen(3), and the link map that debuggers read).
 *
 * None of these may be called with the lock held.
 */
#ifndef RST_LINKER_H
#define RST_LINKER_H

#include <stdbool.h>
#include <stdint.h>

struct link_map;

struct rst_loaded {
    void *handle;
    struct link_map *map;
    char *name;    /* the linker's own copy of the path, which it frees */
    uint8_t *base; /* where the image's offset 0 is */
};

/* Before a fork, in the parent; and after it, in the child: another thread of the parent may have
 * been in the linker at that moment, and then it must not be called here any more. */
void rst_linker_forking(void);
void rst_linker_forked_child(void);

/* Gives 0, or -ENOEXEC if the linker must not be called. */
int rst_linker_check(void);

/* Whether the linker would take `path` for a library that it has loaded already. */
bool rst_linker_knows(const char *path);

/* Load the image at `path`. Gives 0 or a negative errno; `ret` is untouched on failure. */
int rst_linker_open(const char *path, struct rst_loaded *ret);

/*
 * Put `path` into the link map, where gdb reads it; NULL makes gdb pass the entry over. The string
 * must live until it is replaced or the image closed. May be called with the lock held.
 */
void rst_linker_rename(struct rst_loaded *loaded, char *path);

/*
 * Whether dlclose(3) unmaps. musl's does nothing: what was loaded stays in the linker's list until
 * the process ends, so its memory must stay readable, and its inode must not become another file's,
 * which the linker would take for it.
 */
extern const bool rst_linker_unmaps;

/*
 * Unload the image, and all that was mapped in its place since; it stays where the linker must not
 * be called, or does not unmap, there without a name.
 */
void rst_linker_close(struct rst_loaded *loaded);

#endif
