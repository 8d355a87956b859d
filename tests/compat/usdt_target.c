/* SPDX-License-Identifier: MIT */
/* The program that tracers watch, with libusdt's functions; see target.h. */
#include <usdt.h>

#include "target.h"

static usdt_provider_t *provider;
static usdt_probedef_t *order, *twelve;

/* Not inline: the tests look for its name in stacks. */
__attribute__((noinline)) static void checkout(void)
{
    static char customer[] = "Ada";
    void *args[12] = {(void *)-42L, customer};

    usdt_fire_probe(order->probe, 2, args);
    for (long i = 0; i < 12; i++)
        args[i] = (void *)(i % 2 == 0 ? -(i + 1) : i + 1);
    usdt_fire_probe(twelve->probe, 12, args);
    __asm__ volatile("");
}

static int enabled(void)
{
    return usdt_is_enabled(order->probe) + usdt_is_enabled(twelve->probe);
}

static int load(void)
{
    return usdt_provider_enable(provider);
}

static int unload(void)
{
    return usdt_provider_disable(provider);
}

int main(void)
{
    const char *types[] = {"long", "char *"};
    const char *ints[12];
    int result;

    for (int i = 0; i < 12; i++)
        ints[i] = "int";
    provider = usdt_create_provider("my-shop", "module");
    order = usdt_create_probe("pay", "order", 2, types);
    twelve = usdt_create_probe("pay", "twelve", 12, ints);
    if (usdt_provider_add_probe(provider, order) < 0 ||
        usdt_provider_add_probe(provider, twelve) < 0 || load() < 0) {
        fprintf(stderr, "%s\n", usdt_errstr(provider));
        return 1;
    }
    result = target_run(&(struct target){checkout, enabled, load, unload});
    usdt_probe_release(order);
    usdt_probe_release(twelve);
    unload();
    usdt_provider_free(provider);
    return result;
}
