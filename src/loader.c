/* SPDX-License-Identifier: MIT */
#include "loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>

#include "error.h"
#include "provider.h"

static struct rst_loaded *all; /* under the lock */

static bool broken;

void rst_loader_forked_child(void)
{
#if defined(__GLIBC__)
    broken = _r_debug.r_state != RT_CONSISTENT; /* as dlopen(3) demands, or aborts */
#endif
}

int rst_loader_check(void)
{
    if (broken)
        return rst_fail(ENOEXEC, "this process was forked while another thread was in dlopen(3) or "
                                 "dlclose(3), which leaves the dynamic linker unusable; load "
                                 "before forking, or fork when no thread loads a library");
    return 0;
}

bool rst_loader_knows(const char *path)
{
    void *handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);

    dlerror(); /* "not loaded" is no error of the program's */
    if (handle)
        dlclose(handle);
    return handle != NULL;
}

static bool is_handle(const struct rst_loaded *loaded, const struct rst_loaded *wanted)
{
    return loaded->handle == wanted->handle;
}

static bool is_file(const struct rst_loaded *loaded, const struct rst_loaded *wanted)
{
    return loaded->device == wanted->device && loaded->inode == wanted->inode;
}

static bool is_loaded(bool (*is)(const struct rst_loaded *, const struct rst_loaded *),
                      const struct rst_loaded *wanted)
{
    const struct rst_loaded *loaded;

    rst_lock();
    for (loaded = all; loaded; loaded = loaded->next)
        if (is(loaded, wanted))
            break;
    rst_unlock();
    return loaded != NULL;
}

bool rst_loader_knows_file(dev_t device, ino_t inode)
{
    return is_loaded(is_file, &(struct rst_loaded){.device = device, .inode = inode});
}

static void remember(struct rst_loaded *loaded)
{
    rst_lock();
    loaded->next = all;
    all = loaded;
    rst_unlock();
}

static void forget(const struct rst_loaded *loaded)
{
    struct rst_loaded **link = &all;

    rst_lock();
    while (*link != loaded)
        link = &(*link)->next;
    *link = loaded->next;
    rst_unlock();
}

/* Find the link map of what was opened, and see that it is no other library's. */
static int find_map(const char *path, struct rst_loaded *loaded)
{
    if (dlinfo(loaded->handle, RTLD_DI_LINKMAP, &loaded->map) < 0) {
        const char *words = dlerror();

        return rst_fail(ENOEXEC, "dlinfo: %s", words ? words : path);
    }
    if (strcmp(loaded->map->l_name, path) != 0 || is_loaded(is_handle, loaded))
        return rst_fail(ENOEXEC, "dlopen took %s for %s, which is loaded already", path,
                        rst_quote(loaded->map->l_name).text);
    return 0;
}

int rst_loader_open(const char *path, dev_t device, ino_t inode, struct rst_loaded *ret)
{
    struct rst_loaded loaded = {.device = device, .inode = inode};
    const char *words;
    int error;

    loaded.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!loaded.handle) {
        words = dlerror();
        return rst_fail(ENOEXEC, "dlopen: %s", words ? words : path);
    }
    error = find_map(path, &loaded);
    if (error < 0) {
        dlclose(loaded.handle);
        return error;
    }
    loaded.name = loaded.map->l_name;
    loaded.base = (uint8_t *)loaded.map->l_addr;
    *ret = loaded;
    remember(ret);
    return 0;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the link map's own field is not const */
void rst_loader_rename(struct rst_loaded *loaded, char *path)
{
    __atomic_store_n(&loaded->map->l_name, path, __ATOMIC_RELEASE);
}

void rst_loader_close(struct rst_loaded *loaded)
{
    rst_loader_rename(loaded, loaded->name);
    if (!broken)
        dlclose(loaded->handle);
    forget(loaded);
}
