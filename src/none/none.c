/* SPDX-License-Identifier: MIT */
/*
 * The loader for systems that librst makes no probes for (macOS, FreeBSD, illumos): a program
 * declares and fires its probes there as on Linux, and a load says why nobody can watch them.
 *
 * It takes the place of runtime/load, object, linker and resident, and of all that only these use.
 * No object is ever made, so those who ask of one never do. The folder's file `sources` lists what
 * it is compiled with, by C11 and POSIX alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "rst.h"
#include "runtime/linker.h"
#include "runtime/object.h"
#include "runtime/provider.h"
#include "runtime/resident.h"

#if defined(__APPLE__)
#define SYSTEM "macOS"
#elif defined(__FreeBSD__)
#define SYSTEM "FreeBSD"
#elif defined(__sun)
#define SYSTEM "illumos and Solaris"
#elif defined(__linux__)
#define SYSTEM "Linux, without its Linux loader"
#else
#define SYSTEM "this system"
#endif

/* -------------------------------------------------------------- loading and unloading -- */

/* In a set-user-ID program, too: all that it changes is what a load gives. */
static bool is_disabled(void)
{
    const char *wish = getenv("RST_DISABLE");

    return wish && *wish && strcmp(wish, "0") != 0;
}

int rst_provider_load(rst_provider *provider)
{
    if (!provider)
        return rst_fail_null_provider();
    if (is_disabled())
        return 0;
    return rst_fail(ENOTSUP,
                    "provider \"%s\": librst was built for " SYSTEM
                    ", where its probes can't be watched; the program can fire them, and "
                    "nothing happens",
                    rst_provider_name(provider));
}

int rst_provider_unload(rst_provider *provider)
{
    return provider ? 0 : rst_fail_null_provider();
}

/* ------------------------------------------------------ what would be asked of objects -- */

void rst_object_close(struct rst_object *object)
{
    (void)object;
}

void rst_object_forked_parent(struct rst_object *object)
{
    (void)object;
}

int rst_object_forked_child(struct rst_object *object)
{
    (void)object;
    return 0;
}

void rst_object_exit(struct rst_object *object)
{
    (void)object;
}

const char *rst_object_path(const struct rst_object *object)
{
    (void)object;
    return NULL;
}

const volatile uint32_t *rst_object_semaphore(const struct rst_object *object, size_t index)
{
    (void)object, (void)index;
    return rst_probe_semaphore(NULL);
}

rst_function rst_object_function(const struct rst_object *object, size_t index)
{
    (void)object, (void)index;
    return rst_probe_function(NULL);
}

void rst_resident_make(uint64_t address)
{
    (void)address;
}

void rst_resident_forked_child(void)
{
}

void rst_linker_forking(void)
{
}

void rst_linker_forked_child(void)
{
}
