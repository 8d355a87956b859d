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
#include "support/resources.h"
#include "support/sandbox.h"
#include "support/shop.h"
#include "support/tracer.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1UL
#endif

/* -------------------------------------------------- memory that may not become executable -- */

/* As MemoryDenyWriteExecute= does from systemd 253 on, and before; both leave dlopen(3) alone. */
static void refuse_by_prctl(void)
{
    check_applies(prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == 0,
                  "the kernel has no PR_SET_MDWE (before Linux 6.3)");
}

static void refuse_by_filter(void)
{
    sandbox_refuse_executable();
}

struct policy {
    void (*refuse)(void);
    int backing;
};

static const struct policy policies[] = {
    {refuse_by_prctl, RST_BACKING_MEMFD},
    {refuse_by_prctl, RST_BACKING_FILE},
    {refuse_by_filter, RST_BACKING_MEMFD},
    {refuse_by_filter, RST_BACKING_FILE},
};

static struct shop loaded_under(const struct policy *policy)
{
    struct shop shop = shop_new();

    policy->refuse();
    check_equal(rst_provider_set_backing(shop.provider, policy->backing, NULL), 0);
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
    shop_call(shop);
}

/* Whether the function is in a file with that in its name. */
static bool runs_in(rst_function function, const char *file)
{
    struct mapping mapping;

    check(mapping_at((const void *)(uintptr_t)function, &mapping));
    check_text(mapping.permissions, "r-xp");
    return strstr(mapping.file, file) != NULL;
}

static void unload_where_refused(void *data)
{
    struct shop shop = loaded_under(data);
    const volatile uint32_t *semaphore = rst_probe_semaphore(shop.order);
    const rst_function function = rst_probe_function(shop.order);
    struct resources before = resources_now();

    for (int cycle = 0; cycle < 3; cycle++) {
        check(runs_in(function, "shop"));
        check_equal(rst_provider_unload(shop.provider), 0);
        check_disabled(shop, semaphore);
        check(!runs_in(function, "shop"));
        check_equal(rst_provider_load(shop.provider), 0);
        check(rst_provider_loaded(shop.provider));
        check(rst_probe_path(shop.order) != NULL);
        check(rst_probe_semaphore(shop.order) == semaphore);
        check(rst_probe_function(shop.order) == function);
        check_equal(resources_now().descriptors, before.descriptors);
    }
    check_text(rst_error(), "");
    check_traceable_if_allowed(shop);
    rst_provider_free(shop.provider);
}

static void where_no_memory_may_become_executable_unloads_work(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
        in_child(unload_where_refused, (void *)(uintptr_t)&policies[i]);
}

/* A program may hold on to the address of a semaphore, and a tracer may stay. */
static void unload_traced_where_refused(void *unused)
{
    const volatile uint32_t *semaphore;
    struct shop shop;
    int tracer;

    (void)unused;
    check_can(!tracer_unavailable(), "it takes a tracer");
    shop = loaded_under(&policies[0]);
    semaphore = rst_probe_semaphore(shop.order);
    tracer = shop_trace(shop);
    check_equal(*semaphore, 1);
    shop_fire(shop, 2);
    check_equal(tracer_count(tracer), 2);

    check_equal(rst_provider_unload(shop.provider), 0);
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

static void where_no_memory_may_become_executable_a_tracer_may_stay(void **state)
{
    (void)state;
    in_child(unload_traced_where_refused, NULL);
}

/* Where no file can take the place of the anonymous memory either. */
static void unload_without_descriptors(void *unused)
{
    const struct rlimit none = {0, 0};
    const volatile uint32_t *semaphore;
    struct shop shop = loaded_under(&policies[0]);

    (void)unused;
    semaphore = rst_probe_semaphore(shop.order);
    check_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int cycle = 0; cycle < 2; cycle++) {
        check_equal(rst_provider_unload(shop.provider), -EACCES);
        check_mentions(rst_error(), "mprotect of anonymous memory: Permission denied; nor of a "
                                    "file: ");
        check_mentions(rst_error(), strerror(EMFILE));
        check_equal(*semaphore, 0);
        check(!RST_ENABLED(shop.order));
        check(!rst_provider_loaded(shop.provider));
        shop_fire(shop, 3);
    }
    check_equal(rst_provider_load(shop.provider), 0);
    check(rst_provider_loaded(shop.provider));
    rst_provider_free(shop.provider);
}

static void an_unload_that_fails_says_why_and_disables(void **state)
{
    (void)state;
    in_child(unload_without_descriptors, NULL);
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
        cmocka_unit_test(where_no_memory_may_become_executable_unloads_work),
        cmocka_unit_test(where_no_memory_may_become_executable_a_tracer_may_stay),
        cmocka_unit_test(an_unload_that_fails_says_why_and_disables),
        WITH_DIRECTORY(a_load_that_succeeds_after_all_leaves_the_last_error),
        cmocka_unit_test(a_second_load_that_fails_leaves_loaded_what_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
