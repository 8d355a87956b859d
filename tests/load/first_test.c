/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "rst.h"
#include "support/resources.h"
#include "support/tracer.h"

static void counts_equal_fires_over_unload_and_load(void **state)
{
    rst_provider *provider = rst_provider_new("shop");
    rst_probe *probe = rst_provider_add(provider, "order", "uint64 id");
    int tracer;

    (void)state;
    need_tracer();
    assert_int_equal(rst_provider_load(provider), 0);
    tracer = tracer_attach_probe(probe, "shop", 0);
    for (int cycle = 0; cycle < 10; cycle++) {
        assert_true(rst_probe_enabled(probe));
        for (uint64_t i = 0; i < 100; i++)
            RST_FIRE(probe, i);
        assert_int_equal(tracer_count(tracer), 100 * (cycle + 1));
        assert_int_equal(rst_provider_unload(provider), 0);
        assert_false(rst_probe_enabled(probe));
        ((void (*)(uint64_t))(uintptr_t)rst_probe_function(probe))(1);
        assert_int_equal(rst_provider_load(provider), 0);
    }
    close(tracer);
    assert_false(rst_probe_enabled(probe));
    rst_provider_free(provider);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_equal_fires_over_unload_and_load)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
