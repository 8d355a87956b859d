/* SPDX-License-Identifier: MIT */
/* See called_site.h. */
#include "called_site.h"

#include <string.h>
#include <unistd.h>

#include "support/children.h"
#include "support/tracer.h"

struct called_site find_called_site(struct shop shop, const uint8_t *nop, size_t nop_size,
                                    size_t stub_size)
{
    const void *stub = (const void *)(uintptr_t)rst_probe_function(shop.order);

    return (struct called_site){.shop = shop, .site = memmem(stub, stub_size, nop, nop_size)};
}

bool site_is_call(const struct called_site *called)
{
    return memcmp(called->site, called->call, called->call_size) == 0;
}

void check_becomes_call(const struct called_site *called)
{
    for (int hits = 0; hits < 10 && !site_is_call(called); hits++)
        shop_fire(called->shop, 1);
    check(site_is_call(called));
}

void check_calls_come_and_go(const struct called_site *called)
{
    struct shop shop = called->shop;
    uint64_t before;
    int tracer;

    for (int cycle = 0; cycle < 3; cycle++) {
        tracer = shop_trace(shop);
        check_equal(*rst_probe_semaphore(shop.order), 1);
        check_becomes_call(called);
        before = tracer_count(tracer);
        shop_fire(shop, 1000);
        check_equal(tracer_count(tracer), before + 1000);
        check_equal(rst_provider_unload(shop.provider), 0);
        check_equal(*rst_probe_semaphore(shop.order), 0);
        check(!site_is_call(called));
        shop_fire(shop, 1);
        shop_call(shop);
        check_equal(rst_provider_load(shop.provider), 0);
        check_equal(*rst_probe_semaphore(shop.order), 1);
        check_becomes_call(called);
        close(tracer);
        check_equal(*rst_probe_semaphore(shop.order), 0);
        shop_fire(shop, 1);
        shop_call(shop);
    }
    rst_provider_free(shop.provider);
}
