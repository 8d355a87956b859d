/* SPDX-License-Identifier: MIT */
/*
 * Nothing grows, however often. RST_FULL=1 makes it a million cycles of unload and load.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "support/children.h"
#include "support/resources.h"
#include "support/sandbox.h"
#include "support/shop.h"

#define WARM_UP 1000 /* after which all that is allocated but once has been */

static size_t times(size_t few, size_t many)
{
    const char *full = getenv("RST_FULL");

    return full && strcmp(full, "1") == 0 ? many : few;
}

static void check_no_growth(struct resources before, struct resources after)
{
    assert_nothing_left(before, after);
    check_equal(after.libraries, before.libraries);
    if (SANITIZED) /* which keeps what is freed, to see it used */
        return;
    check_equal(after.heap, before.heap);
    check_equal(after.address_space, before.address_space);
}

static void repeat(void (*cycle)(struct shop *shop), struct shop *shop, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cycle(shop);
}

/* Measured twice: what the first measurement itself allocates is then there. */
static void check_cycles(void (*cycle)(struct shop *shop), struct shop *shop, size_t count)
{
    struct resources before;
    struct timespec start, end;

    repeat(cycle, shop, WARM_UP);
    resources_now();
    before = resources_now();
    clock_gettime(CLOCK_MONOTONIC, &start);
    repeat(cycle, shop, count);
    clock_gettime(CLOCK_MONOTONIC, &end);
    check_no_growth(before, resources_now());
    print_message(
        "%zu cycles, %.1f us each\n", count,
        ((double)(end.tv_sec - start.tv_sec) * 1e6 + (double)(end.tv_nsec - start.tv_nsec) / 1e3) /
            (double)count);
}

static void unload_and_load(struct shop *shop)
{
    check_equal(rst_provider_unload(shop->provider), 0);
    check_equal(rst_provider_load(shop->provider), 0);
}

static void unloading_and_loading_grows_nothing(void **state)
{
    struct shop shop = shop_loaded();
    const char *path = strdup(rst_probe_path(shop.order));

    (void)state;
    check_cycles(unload_and_load, &shop, times(100000, 1000000));
    assert_string_equal(rst_probe_path(shop.order), path);
    assert_int_equal(libraries_of(path), 1);
    check_traceable_if_allowed(shop);
    rst_provider_free(shop.provider);
    free((void *)(uintptr_t)path);
}

static void unloading_and_loading_a_file_grows_nothing(void **state)
{
    struct shop shop = shop_new();

    assert_int_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, *state), 0);
    assert_int_equal(rst_provider_load(shop.provider), 0);
    check_cycles(unload_and_load, &shop, times(5000, 100000));
    rst_provider_free(shop.provider);
    assert_int_equal(entries_of(*state), 0);
}

static void new_to_free(struct shop *shop)
{
    *shop = shop_loaded();
    rst_provider_free(shop->provider);
}

/* musl keeps each library. What stays of it is one mapping, which is hardly in memory. */
static void check_growth_per_cycle(void)
{
    struct resources before, after;
    struct shop shop;

    repeat(new_to_free, &shop, WARM_UP);
    before = resources_now();
    repeat(new_to_free, &shop, WARM_UP);
    after = resources_now();
    assert_int_equal(after.libraries - before.libraries, WARM_UP);
    assert_int_equal(after.descriptors, before.descriptors);
    assert_true(after.mappings - before.mappings <= WARM_UP + WARM_UP / 10);
    print_message("a cycle leaves %.1f mappings, %zu bytes of memory\n",
                  (double)(after.mappings - before.mappings) / WARM_UP,
                  (after.resident - before.resident) / WARM_UP);
    assert_true(after.resident - before.resident <= WARM_UP * (size_t)20000);
}

static void new_add_load_and_free_grows_nothing(void **state)
{
    struct shop shop;

    (void)state;
    if (!DLCLOSE_UNMAPS) {
        check_growth_per_cycle();
        return;
    }
    check_cycles(new_to_free, &shop, times(10000, 100000));
}

static void load_in_vain(struct shop *shop)
{
    check_equal(rst_provider_load(shop->provider), -ENOENT);
}

static void failing_to_load_grows_nothing(void **state)
{
    struct shop shop = shop_new();

    assert_int_equal(
        rst_provider_set_backing(shop.provider, RST_BACKING_FILE, path_in(*state, "nowhere")), 0);
    check_cycles(load_in_vain, &shop, times(10000, 100000));
    rst_provider_free(shop.provider);
}

static void close_and_load(struct shop *shop)
{
    close(atoi(strrchr(rst_probe_path(shop->order), '/') + 1));
    check_equal(rst_provider_load(shop->provider), 0);
}

static void bringing_back_a_closed_memfd_grows_nothing(void **state)
{
    struct shop shop = shop_loaded();

    (void)state;
    check_cycles(close_and_load, &shop, times(5000, 100000));
    rst_provider_free(shop.provider);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unloading_and_loading_grows_nothing),
        cmocka_unit_test_setup_teardown(unloading_and_loading_a_file_grows_nothing, make_directory,
                                        remove_directory),
        cmocka_unit_test(new_add_load_and_free_grows_nothing),
        cmocka_unit_test_setup_teardown(failing_to_load_grows_nothing, make_directory,
                                        remove_directory),
        cmocka_unit_test(bringing_back_a_closed_memfd_grows_nothing),
    };

    if (getenv("RST_EMULATOR")) {
        puts("skipped: an emulator has memory of its own among the program's");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
