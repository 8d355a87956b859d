/* SPDX-License-Identifier: MIT */
/*
 * The life of a provider: load, add and load again, unload and load again, free; with a tracer
 * attached throughout, and pointers that were given out before.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/children.h"
#include "support/resources.h"
#include "support/shop.h"
#include "support/tracer.h"

typedef void probe_function(uint64_t);

static probe_function *function_of(const rst_probe *probe)
{
    return (probe_function *)rst_probe_function(probe);
}

static void check_disabled(const rst_probe *probe)
{
    const uint64_t args[] = {1};

    check(!RST_ENABLED(probe));
    check(!rst_probe_enabled(probe));
    check_equal(*rst_probe_semaphore(probe), 0);
    RST_FIRE(probe, 1);
    rst_probe_fire(probe, args, 1);
    function_of(probe)(1);
}

static void handles_are_safe_in_every_state(void **state)
{
    struct shop shop = shop_new();

    (void)state;
    check_disabled(shop.order);
    assert_false(rst_provider_loaded(shop.provider));
    assert_null(rst_probe_path(shop.order));
    assert_int_equal(rst_provider_unload(shop.provider), 0); /* of what was never loaded */
    check_disabled(shop.order);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rst_provider_load(shop.provider), 0);
        assert_int_equal(rst_provider_load(shop.provider), 0); /* again, of what is loaded */
        check_disabled(shop.order);
        assert_true(rst_provider_loaded(shop.provider));
        assert_non_null(rst_probe_path(shop.order));
        assert_int_equal(rst_provider_unload(shop.provider), 0);
        assert_int_equal(rst_provider_unload(shop.provider), 0);
        check_disabled(shop.order);
        assert_false(rst_provider_loaded(shop.provider));
        assert_null(rst_probe_path(shop.order));
    }
    rst_provider_free(shop.provider);
    rst_provider_free(NULL);
}

static void null_is_answered_and_refused(void **state)
{
    (void)state;
    assert_int_equal(rst_provider_load(NULL), -EINVAL);
    assert_string_equal(rst_error(), "provider is NULL");
    assert_int_equal(rst_provider_unload(NULL), -EINVAL);
    assert_false(rst_provider_loaded(NULL));
    assert_null(rst_probe_path(NULL));
    check_equal(*rst_probe_semaphore(NULL), 0);
    function_of(NULL)(1);
}

static void a_provider_without_probes_loads(void **state)
{
    struct resources before = resources_now();
    rst_provider *provider = rst_provider_new("empty");
    rst_probe *probe;

    (void)state;
    assert_int_equal(rst_provider_load(provider), 0);
    assert_true(rst_provider_loaded(provider));
    assert_nothing_left(before, resources_now());
    probe = rst_provider_add(provider, "late", NULL);
    assert_null(rst_probe_path(probe));
    assert_int_equal(rst_provider_load(provider), 0);
    assert_non_null(rst_probe_path(probe));
    rst_provider_free(provider);
    assert_nothing_left(before, resources_now());
}

static void load_disabled(void *data)
{
    struct resources before = resources_now();
    struct shop shop = shop_new();

    (void)data;
    setenv("RST_DISABLE", "1", 1);
    check_equal(rst_provider_load(shop.provider), 0);
    check(!rst_provider_loaded(shop.provider));
    check(rst_probe_path(shop.order) == NULL);
    check_disabled(shop.order);
    assert_nothing_left(before, resources_now());
    check_equal(rst_provider_unload(shop.provider), 0);

    setenv("RST_DISABLE", "0", 1);
    check_equal(rst_provider_load(shop.provider), 0);
    check(rst_provider_loaded(shop.provider));
    check_equal(rst_provider_unload(shop.provider), 0);
    setenv("RST_DISABLE", "1", 1);
    check_equal(rst_provider_load(shop.provider), 0);
    check(!rst_provider_loaded(shop.provider));
    rst_provider_free(shop.provider);
}

static void rst_disable_makes_a_load_do_nothing(void **state)
{
    (void)state;
    in_child(load_disabled, NULL);
}

/* --------------------------------------------------------------------- while traced -- */

static void counts_are_exact_over_unload_and_load(void **state)
{
    struct shop shop = shop_to_trace();
    const volatile uint32_t *semaphore = rst_probe_semaphore(shop.order);
    probe_function *function = function_of(shop.order);
    const uint64_t args[] = {1};
    int tracer;

    (void)state;
    tracer = shop_trace(shop);
    for (unsigned cycle = 1; cycle <= 20; cycle++) {
        assert_int_equal(*semaphore, 1);
        shop_fire(shop, 97);
        rst_probe_fire(shop.order, args, 1);
        function(1);
        function_of(shop.order)(1);
        assert_int_equal(tracer_count(tracer), 100 * cycle);
        assert_int_equal(rst_provider_unload(shop.provider), 0);
        assert_int_equal(*semaphore, 0);
        check_disabled(shop.order);
        function(1);
        assert_int_equal(tracer_count(tracer), 100 * cycle);
        assert_int_equal(rst_provider_load(shop.provider), 0);
        assert_ptr_equal(rst_probe_semaphore(shop.order), semaphore);
        assert_true(function_of(shop.order) == function);
    }
    close(tracer);
    assert_int_equal(*semaphore, 0);
    check_disabled(shop.order);
    rst_provider_free(shop.provider);
}

static void a_tracer_may_leave_while_unloaded(void **state)
{
    struct shop shop = shop_to_trace();
    int tracer;

    (void)state;
    tracer = shop_trace(shop);
    assert_int_equal(rst_provider_unload(shop.provider), 0);
    close(tracer);
    check_disabled(shop.order);
    assert_int_equal(rst_provider_load(shop.provider), 0);
    check_disabled(shop.order);
    tracer = shop_trace(shop);
    assert_true(rst_probe_enabled(shop.order));
    close(tracer);
    rst_provider_free(shop.provider);
}

static void a_tracer_may_outlive_the_provider(void **state)
{
    struct resources before = resources_now(), after;
    struct shop shop = shop_to_trace();
    int tracer;

    (void)state;
    tracer = shop_trace(shop);
    shop_fire(shop, 3);
    rst_provider_free(shop.provider);
    assert_int_equal(tracer_count(tracer), 3);
    after = resources_now();
    after.descriptors--; /* the tracer itself */
    assert_nothing_left(before, after);
    close(tracer);
    shop = shop_loaded();
    check_disabled(shop.order);
    rst_provider_free(shop.provider);
}

#define ADDED 5

static void probes_are_added_to_what_is_traced(void **state)
{
    struct shop shop = shop_to_trace();
    const volatile uint32_t *semaphore = rst_probe_semaphore(shop.order);
    int tracer, tracers[ADDED];
    rst_probe *probes[ADDED];
    char name[16];

    (void)state;
    tracer = shop_trace(shop);
    for (unsigned i = 0; i < ADDED; i++) {
        snprintf(name, sizeof(name), "added%u", i);
        probes[i] = rst_provider_add(shop.provider, name, "uint64 id");
        check_disabled(probes[i]);
        assert_null(rst_probe_path(probes[i]));
        shop_fire(shop, 10); /* the old ones go on */
        assert_int_equal(rst_provider_load(shop.provider), 0);
        assert_ptr_equal(rst_probe_semaphore(shop.order), semaphore);
        tracers[i] = tracer_attach_probe(probes[i], "shop", 0);
        for (unsigned j = 0; j <= i; j++)
            RST_FIRE(probes[j], 1);
    }
    assert_int_equal(rst_provider_unload(shop.provider), 0);
    assert_int_equal(rst_provider_load(shop.provider), 0);
    shop_fire(shop, 1);
    assert_int_equal(tracer_count(tracer), 10 * ADDED + 1);
    for (unsigned i = 0; i < ADDED; i++) {
        RST_FIRE(probes[i], 1);
        assert_int_equal(tracer_count(tracers[i]), ADDED - i + 1);
        close(tracers[i]);
        check_disabled(probes[i]);
    }
    close(tracer);
    rst_provider_free(shop.provider);
}

static void a_probe_added_while_unloaded_comes_with_the_next_load(void **state)
{
    struct shop shop = shop_to_trace();
    rst_probe *late;
    int tracer;

    (void)state;
    assert_int_equal(rst_provider_unload(shop.provider), 0);
    late = rst_provider_add(shop.provider, "late", NULL);
    assert_int_equal(rst_provider_load(shop.provider), 0);
    assert_non_null(rst_probe_path(shop.order));
    assert_non_null(rst_probe_path(late));
    tracer = tracer_attach_probe(late, "shop", 0);
    RST_FIRE(late);
    shop_fire(shop, 1);
    assert_int_equal(tracer_count(tracer), 1);
    close(tracer);
    rst_provider_free(shop.provider);
}

/* ---------------------------------------------------------------------- what is left -- */

static void unloaded_means_invisible_in_place(void **state)
{
    struct shop shop = shop_loaded();
    const volatile void *places[] = {rst_probe_semaphore(shop.order),
                                     (void *)(uintptr_t)rst_probe_function(shop.order)};
    struct mapping loaded[2], mapping;
    size_t libraries = libraries_of("");
    bool emulated = getenv("RST_EMULATOR") != NULL;

    (void)state;
    assert_int_equal(libraries_of(rst_probe_path(shop.order)), 1);
    for (int cycle = 0; cycle < 3; cycle++) {
        /* read, run, write; in an emulator, the first two are one, if they are neighbours */
        assert_true(mappings_of("memfd:librst-shop") >= (emulated ? 2 : 3));
        for (size_t i = 0; i < 2; i++)
            assert_true(mapping_at(places[i], &loaded[i]));
        assert_string_equal(loaded[0].permissions, "rw-p");
        if (!emulated) /* which runs what is only readable */
            assert_string_equal(loaded[1].permissions, "r-xp");

        assert_int_equal(rst_provider_unload(shop.provider), 0);
        assert_int_equal(mappings_of("librst-shop"), 0);
        assert_int_equal(libraries_of("/fd/"), 0);
        for (size_t i = 0; i < 2; i++) {
            assert_true(mapping_at(places[i], &mapping));
            assert_string_equal(mapping.file, "");
            if (!emulated)
                assert_string_equal(mapping.permissions, loaded[i].permissions);
        }
        assert_int_equal(rst_provider_load(shop.provider), 0);
        assert_int_equal(libraries_of(rst_probe_path(shop.order)), 1);
        assert_int_equal(libraries_of(""), libraries);
        for (size_t i = 0; i < 2; i++) {
            assert_true(mapping_at(places[i], &mapping));
            assert_string_equal(mapping.file, loaded[i].file);
        }
    }
    rst_provider_free(shop.provider);
    assert_int_equal(mappings_of("librst-shop"), 0);
    assert_int_equal(libraries_of("/fd/"), 0);
    if (DLCLOSE_UNMAPS)
        libraries--;
    assert_int_equal(libraries_of(""), libraries);
}

static void free_leaves_errno_alone(void **state)
{
    struct shop shop = shop_loaded();

    (void)state;
    errno = EXDEV;
    rst_provider_free(shop.provider);
    assert_int_equal(errno, EXDEV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handles_are_safe_in_every_state),
        cmocka_unit_test(null_is_answered_and_refused),
        cmocka_unit_test(a_provider_without_probes_loads),
        cmocka_unit_test(rst_disable_makes_a_load_do_nothing),
        cmocka_unit_test(counts_are_exact_over_unload_and_load),
        cmocka_unit_test(a_tracer_may_leave_while_unloaded),
        cmocka_unit_test(a_tracer_may_outlive_the_provider),
        cmocka_unit_test(probes_are_added_to_what_is_traced),
        cmocka_unit_test(a_probe_added_while_unloaded_comes_with_the_next_load),
        cmocka_unit_test(unloaded_means_invisible_in_place),
        cmocka_unit_test(free_leaves_errno_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
