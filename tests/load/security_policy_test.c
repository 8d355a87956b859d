/* SPDX-License-Identifier: MIT */
/*
 * Where something is refused, by a security policy or a limit: what is told, and what still works.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/children.h"
#include "support/sandbox.h"
#include "support/shop.h"
#include "support/tracer.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1UL
#endif

/* -------------------------------------------------- memory that may not become executable -- */

static void refuse_exec_gain(void)
{
    check_applies(prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == 0,
                  "the kernel has no PR_SET_MDWE (before Linux 6.3)");
}

static struct shop memfd_shop(void)
{
    struct shop shop = shop_new();

    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_MEMFD, NULL), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    check(rst_provider_loaded(shop.provider));
    return shop;
}

static void check_disabled(struct shop shop, const volatile uint32_t *semaphore)
{
    check_equal(*semaphore, 0);
    check(!RST_ENABLED(shop.order));
    check(!rst_provider_loaded(shop.provider));
    check(rst_probe_path(shop.order) == NULL);
    shop_fire(shop, 3);
}

static void unload_where_refused(void *unused)
{
    const volatile uint32_t *semaphore;
    struct shop shop;

    (void)unused;
    refuse_exec_gain();
    shop = memfd_shop();
    semaphore = rst_probe_semaphore(shop.order);
    for (int cycle = 0; cycle < 3; cycle++) {
        check_equal(rst_provider_unload(shop.provider), -EACCES);
        check_mentions(rst_error(), "mprotect of anonymous memory");
        check_disabled(shop, semaphore);
        check_equal(rst_provider_load(shop.provider), 0);
        check(rst_provider_loaded(shop.provider));
        check(rst_probe_path(shop.order) != NULL);
        check(rst_probe_semaphore(shop.order) == semaphore);
    }
    rst_provider_free(shop.provider);
}

static void where_no_memory_may_become_executable_loads_work(void **state)
{
    (void)state;
    in_child(unload_where_refused, NULL);
}

/* A program may hold on to the address of a semaphore, and a tracer may stay. */
static void unload_traced_where_refused(void *unused)
{
    const volatile uint32_t *semaphore;
    struct shop shop;
    int tracer;

    (void)unused;
    check_can(!tracer_unavailable(), "it takes a tracer");
    refuse_exec_gain();
    shop = memfd_shop();
    semaphore = rst_probe_semaphore(shop.order);
    tracer = shop_trace(shop);
    check_equal(*semaphore, 1);
    shop_fire(shop, 2);
    check_equal(tracer_count(tracer), 2);

    check(rst_provider_unload(shop.provider) < 0);
    check_disabled(shop, semaphore);
    check_equal(rst_provider_unload(shop.provider), -EACCES); /* nor by another try */
    check_disabled(shop, semaphore);
    check_equal(tracer_count(tracer), 2);

    check_equal(rst_provider_load(shop.provider), 0);
    check_equal(*semaphore, 1);
    shop_fire(shop, 3);
    check_equal(tracer_count(tracer), 5);
    close(tracer);
    check_equal(*semaphore, 0);
    rst_provider_free(shop.provider);
}

static void where_no_memory_may_become_executable_an_unload_disables(void **state)
{
    (void)state;
    in_child(unload_traced_where_refused, NULL);
}

/* ------------------------------------------------------------------------- what is told -- */

static void fall_back_to_a_file(void *directory)
{
    char before[256];
    struct shop shop = shop_new();

    setenv("TMPDIR", directory, 1);
    unsetenv("XDG_RUNTIME_DIR");
    check(rst_provider_new("no name") == NULL);
    snprintf(before, sizeof(before), "%s", rst_error());
    check_mentions(before, "no name");
    sandbox_refuse(SYS_memfd_create, ENOSYS);
    check_equal(rst_provider_load(shop.provider), 0);
    check_mentions(rst_probe_path(shop.order), directory);
    check_text(rst_error(), before);
    rst_provider_free(shop.provider);
}

static void a_load_that_succeeds_after_all_leaves_the_last_error(void **state)
{
    in_child(fall_back_to_a_file, *state);
}

static void load_more_without_descriptors(void *unused)
{
    struct shop shop = shop_loaded();
    const struct rlimit none = {0, 0};
    rst_probe *late;

    (void)unused;
    late = rst_provider_add(shop.provider, "late", NULL);
    check(late != NULL);
    check_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    check_equal(rst_provider_load(shop.provider), -EMFILE);
    check(rst_provider_loaded(shop.provider)); /* what was loaded is */
    check(rst_probe_path(shop.order) != NULL);
    check(rst_probe_path(late) == NULL);
    check_equal(rst_provider_unload(shop.provider), 0);
    check(!rst_provider_loaded(shop.provider));
    check_equal(rst_provider_load(shop.provider), -EMFILE);
    check(!rst_provider_loaded(shop.provider));
    check(rst_probe_path(shop.order) == NULL);
    rst_provider_free(shop.provider);
}

static void a_second_load_that_fails_leaves_loaded_what_was(void **state)
{
    (void)state;
    in_child(load_more_without_descriptors, NULL);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_no_memory_may_become_executable_loads_work),
        cmocka_unit_test(where_no_memory_may_become_executable_an_unload_disables),
        WITH_DIRECTORY(a_load_that_succeeds_after_all_leaves_the_last_error),
        cmocka_unit_test(a_second_load_that_fails_leaves_loaded_what_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
