/* SPDX-License-Identifier: MIT */
/*
 * What setuid_test runs as another user: prints whether the kernel calls it secure, whether a load
 * did something, and where to.
 */
#include <stdio.h>
#include <sys/auxv.h>

#include "rst.h"

int main(void)
{
    rst_provider *provider = rst_provider_new("shop");
    rst_probe *probe = rst_provider_add(provider, "order", "uint64 id");
    int error = rst_provider_load(provider);

    printf("secure %lu error %d loaded %d path %s\n", getauxval(AT_SECURE), error,
           rst_provider_loaded(provider), rst_probe_path(probe) ? rst_probe_path(probe) : "none");
    rst_provider_free(provider);

    provider = rst_provider_new("bank");
    probe = rst_provider_add(provider, "transfer", NULL);
    rst_provider_set_backing(provider, RST_BACKING_FILE, NULL);
    error = rst_provider_load(provider);
    printf("error %d path %s\n", error, rst_probe_path(probe) ? rst_probe_path(probe) : "none");
    rst_provider_free(provider);
    return 0;
}
