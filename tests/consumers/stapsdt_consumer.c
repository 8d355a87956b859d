/* SPDX-License-Identifier: MIT */
/*
 * A program of libstapsdt's, in C or in C++. It includes <errno.h> first, which makes a macro of a
 * field's name.
 */
#include <errno.h>
#include <libstapsdt.h>
#include <stdint.h>
#include <stdio.h>

int main(void)
{
    SDTProvider_t *provider = providerInit("consumer");
    SDTProbe_t *probe = providerAddProbe(provider, "line", 2, uint64, int32);

    errno = 0;
    if (providerLoad(provider) < 0 || provider->error_code != noError) {
        fprintf(stderr, "load: %s\n", provider->error);
        return 1;
    }
    probeFire(probe, UINT64_C(1), 2);
    if (probeIsEnabled(probe) || providerUnload(provider) < 0)
        return 1;
    providerDestroy(provider);
    puts("declared, loaded, fired");
    return 0;
}
