/* SPDX-License-Identifier: MIT */
/*
 * A module with a librst of its own, linked statically. It never frees its provider.
 */
#include "rst.h"

int plugin_start(int backing, const char *directory);
int plugin_stop(void);

static rst_provider *provider;

__attribute__((visibility("default"))) int plugin_start(int backing, const char *directory)
{
    rst_probe *probe;
    int error;

    provider = rst_provider_new("plugin");
    probe = rst_provider_add(provider, "started", NULL);
    error =
        rst_provider_set_backing(provider, backing, backing == RST_BACKING_FILE ? directory : NULL);
    if (error == 0)
        error = rst_provider_load(provider);
    RST_FIRE(probe);
    return error;
}

__attribute__((visibility("default"))) int plugin_stop(void)
{
    return rst_provider_unload(provider);
}
