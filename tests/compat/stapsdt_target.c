/* SPDX-License-Identifier: MIT */
/* The program that tracers watch, with libstapsdt's functions; see target.h. */
#include <libstapsdt.h>

#include <stdint.h>

#include "target.h"

static SDTProvider_t *provider;
static SDTProbe_t *order, *twelve;

/* Not inline: the tests look for its name in stacks. */
__attribute__((noinline)) static void checkout(void)
{
    probeFire(order, INT64_C(-42), "Ada");
    probeFire(twelve, -1, 2, -3, 4, -5, 6, -7, 8, -9, 10, INT64_C(-11), UINT64_C(12));
    __asm__ volatile("");
}

static int enabled(void)
{
    return probeIsEnabled(order) + probeIsEnabled(twelve);
}

static int load(void)
{
    return providerLoad(provider);
}

static int unload(void)
{
    return providerUnload(provider);
}

int main(void)
{
    int result;

    provider = providerInit("my-shop");
    order = providerAddProbe(provider, "order", 2, int64, uint64);
    twelve = providerAddProbe(provider, "twelve", 12, int8, uint8, int16, uint16, int32, uint32,
                              int8, uint8, int16, uint16, int64, uint64);
    if (load() < 0) {
        fprintf(stderr, "%s\n", provider->error);
        return 1;
    }
    result = target_run(&(struct target){checkout, enabled, load, unload});
    providerDestroy(provider);
    return result;
}
