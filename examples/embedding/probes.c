/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <stdio.h>

rst_probe *host_probes[HOST_EVENTS];
uint64_t host_counts[HOST_EVENTS];
uint64_t host_bytes;

const char *const host_event_names[HOST_EVENTS] = {
    [HOST_CALL] = "call",
    [HOST_RETURN] = "return",
    [HOST_ALLOCATE] = "allocate",
    [HOST_COLLECT] = "collect",
};

/* Whatever goes wrong here, the program goes on; only, nobody can watch it. */
rst_provider *host_declare(void)
{
    rst_provider *provider = rst_provider_new(host_language.name);

    for (int i = 0; i < HOST_EVENTS; i++)
        host_probes[i] =
            rst_provider_add(provider, host_event_names[i], host_language.signatures[i]);
    if (rst_provider_load(provider) < 0)
        fprintf(stderr, "%s: untraceable: %s\n", host_language.name, rst_error());
    return provider;
}
