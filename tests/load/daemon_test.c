/* SPDX-License-Identifier: MIT */
/*
 * A daemon that closes every descriptor: its probes are safe and, until it loads again, hidden.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/children.h"
#include "support/close_range.h"
#include "support/sandbox.h"
#include "support/shop.h"
#include "support/tracer.h"

static void close_all(void)
{
    check_equal(close_range(3, UINT_MAX, 0), 0);
}

/* What a handle leads to, which must never change. */
struct leads {
    rst_function function;
    const volatile uint32_t *semaphore;
};

static struct leads leads_of(const rst_probe *probe)
{
    return (struct leads){rst_probe_function(probe), rst_probe_semaphore(probe)};
}

static void check_leads(const rst_probe *probe, struct leads want)
{
    check(rst_probe_function(probe) == want.function);
    check(rst_probe_semaphore(probe) == want.semaphore);
}

static void close_and_load(void *unused)
{
    struct shop shop = shop_loaded();
    struct leads leads = leads_of(shop.order);
    char *path = strdup(rst_probe_path(shop.order));

    (void)unused;
    close_all();
    shop_fire(shop, 10);
    ((void (*)(uint64_t))leads.function)(1);
    check(!exists(path)); /* which is why no tracer finds it */
    check(rst_probe_path(shop.order) == NULL);

    check_equal(rst_provider_load(shop.provider), 0);
    check_text(rst_probe_path(shop.order), path); /* the number was free */
    check_leads(shop.order, leads);
    check_equal(libraries_of(path), 1);
    check_traceable(shop);
    check_equal(rst_provider_unload(shop.provider), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    check_traceable(shop);
    rst_provider_free(shop.provider);
    check(!exists(path));
    free(path);
}

static void a_load_brings_a_closed_memfd_back_under_its_number(void **state)
{
    (void)state;
    need_tracer();
    in_child(close_and_load, NULL);
}

static void close_more_and_load(void *unused)
{
    int lower = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct shop shop = shop_loaded();
    char *path = strdup(rst_probe_path(shop.order));

    (void)unused;
    check(lower >= 3);
    close_all();
    check_equal(rst_provider_load(shop.provider), 0);
    check_text(rst_probe_path(shop.order), path);
    check(exists(path));
    check_equal(fcntl(lower, F_GETFD), -1); /* which the new memfd had first */
    rst_provider_free(shop.provider);
    check(!exists(path));
    free(path);
}

static void its_number_is_taken_though_a_lower_one_is_free(void **state)
{
    (void)state;
    in_child(close_more_and_load, NULL);
}

static void close_take_number_and_load(void *unused)
{
    struct shop shop = shop_loaded();
    struct leads leads = leads_of(shop.order);
    const char *given = rst_probe_path(shop.order);
    char *path = strdup(given);
    int number = atoi(strrchr(path, '/') + 1), taken;

    (void)unused;
    close_all();
    do
        taken = open("/dev/null", O_RDONLY | O_CLOEXEC);
    while (taken < number);
    check_equal(taken, number);
    check(rst_probe_path(shop.order) == NULL); /* never another file's */
    check_equal(rst_provider_load(shop.provider), 0);
    check(strcmp(rst_probe_path(shop.order), path) != 0);
    check_text(given, path); /* what was given out stays readable */
    check_leads(shop.order, leads);
    check_equal(libraries_of(rst_probe_path(shop.order)), 1);
    check_equal(libraries_of(path), 0);
    check_traceable(shop);
    rst_provider_free(shop.provider);
    check_equal(fcntl(taken, F_GETFD), FD_CLOEXEC); /* not ours to close */
    free(path);
}

static void a_load_brings_a_closed_memfd_back_under_another_number(void **state)
{
    (void)state;
    need_tracer();
    in_child(close_take_number_and_load, NULL);
}

static void unload_after_close(void *unused)
{
    struct shop shop = shop_loaded();

    (void)unused;
    close_all();
    check_equal(rst_provider_unload(shop.provider), 0);
    check_equal(mappings_of("librst-shop"), 0);
    shop_fire(shop, 1);
    check_equal(rst_provider_load(shop.provider), 0);
    check_traceable(shop);
    close_all();
    rst_provider_free(shop.provider);
    check_equal(mappings_of("librst-shop"), 0);
}

static void unload_and_free_work_after_the_close(void **state)
{
    (void)state;
    need_tracer();
    in_child(unload_after_close, NULL);
}

static void close_under_tracer(void *unused)
{
    struct shop shop = shop_loaded();
    int old = fcntl(shop_trace(shop), F_DUPFD_CLOEXEC, 100);

    (void)unused;
    check(old >= 100);
    check_equal(close_range(3, (unsigned)old - 1, 0), 0);
    shop_fire(shop, 5);
    check_equal(tracer_count(old), 5); /* who is there stays */
    check_equal(rst_provider_load(shop.provider), 0);
    shop_fire(shop, 5);
    check_equal(tracer_count(old), 5); /* the new memfd is not what it watches */
    check_equal(*rst_probe_semaphore(shop.order), 0);
    check_traceable(shop);
    close(old);
    check_equal(*rst_probe_semaphore(shop.order), 0);
    rst_provider_free(shop.provider);
}

static void a_tracer_stays_until_the_memfd_is_made_anew(void **state)
{
    (void)state;
    need_tracer();
    in_child(close_under_tracer, NULL);
}

/* -------------------------------------------------------------- a daemon as in the book -- */

static void serve(void *data)
{
    struct shop shop = *(struct shop *)data;
    char own[32];

    check_equal(chdir("/"), 0);
    close_range(0, UINT_MAX, 0);
    check_equal(open("/dev/null", O_RDWR), 0);
    check_equal(dup(0), 1);
    check_equal(dup(0), 2);
    shop_fire(shop, 1);
    check_equal(rst_provider_load(shop.provider), 0);
    snprintf(own, sizeof(own), "/proc/%d/", (int)getpid());
    check_mentions(rst_probe_path(shop.order), own);
    check_traceable(shop);
    rst_provider_free(shop.provider);
}

static void lead_session(void *data)
{
    child_pause(); /* adopted: the first parent has gone */
    check(setsid() > 0);
    in_child(serve, data);
}

static void a_double_forked_daemon_can_be_traced_after_a_load(void **state)
{
    (void)state;
    need_tracer();
    shop_in_orphan(lead_session);
}

static void close_file(void *directory)
{
    struct shop shop = shop_new();
    const char *path;

    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, directory), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    path = rst_probe_path(shop.order);
    close_all();
    check(exists(path));
    check_equal(mappings_of(path) > 0, 1);
    check_traceable(shop); /* without another load */
    rst_provider_free(shop.provider);
    check_equal(entries_of(directory), 0);
}

static void the_file_backing_needs_no_descriptor(void **state)
{
    need_tracer();
    in_child(close_file, *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_brings_a_closed_memfd_back_under_its_number),
        cmocka_unit_test(its_number_is_taken_though_a_lower_one_is_free),
        cmocka_unit_test(a_load_brings_a_closed_memfd_back_under_another_number),
        cmocka_unit_test(unload_and_free_work_after_the_close),
        cmocka_unit_test(a_tracer_stays_until_the_memfd_is_made_anew),
        cmocka_unit_test(a_double_forked_daemon_can_be_traced_after_a_load),
        cmocka_unit_test_setup_teardown(the_file_backing_needs_no_descriptor, make_directory,
                                        remove_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
