/* SPDX-License-Identifier: MIT */
/* librst, for the load benchmark. */
#include <rst.h>

#include "load_many.h"

static void *provider_new(const char *name)
{
    return rst_provider_new(name);
}

static void *add(void *provider, const char *name, bool bare)
{
    return rst_provider_add(provider, name, bare ? "" : BENCH_SIGNATURE);
}

static bool load(void *provider)
{
    return rst_provider_load(provider) == 0;
}

static bool unload(void *provider)
{
    return rst_provider_unload(provider) == 0;
}

static void provider_free(void *provider)
{
    rst_provider_free(provider);
}

static const char *path(void *probe)
{
    return rst_probe_path(probe);
}

const struct bench_library bench_library = {
    .provider = provider_new,
    .add = add,
    .load = load,
    .unload = unload,
    .free = provider_free,
    .path = path,
    .error = rst_error,
};
