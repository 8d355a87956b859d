/* SPDX-License-Identifier: MIT */
#include "loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>

#include "error.h"

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

int rst_loader_open(const char *path, struct rst_loaded *ret)
{
    struct rst_loaded loaded;
    const char *words;

    loaded.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!loaded.handle) {
        words = dlerror();
        return rst_fail(ENOEXEC, "dlopen: %s", words ? words : path);
    }
    if (dlinfo(loaded.handle, RTLD_DI_LINKMAP, &loaded.map) < 0) {
        words = dlerror();
        rst_fail(ENOEXEC, "dlinfo: %s", words ? words : path);
        dlclose(loaded.handle);
        return -ENOEXEC;
    }
    loaded.name = loaded.map->l_name;
    loaded.base = (uint8_t *)loaded.map->l_addr;
    *ret = loaded;
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
}
