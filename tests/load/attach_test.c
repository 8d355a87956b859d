/* SPDX-License-Identifier: MIT */
/*
 * What a tracer sees and what its semaphore says, while tracers come and go.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "support/children.h"
#include "support/shop.h"
#include "support/tracer.h"

static bool release_is_before(const char *release, long major, long minor)
{
    char *end;
    long first = strtol(release, &end, 10), second = strtol(end + 1, NULL, 10);

    return first < major || (first == major && second < minor);
}

static void fires_are_counted_exactly(void **state)
{
    struct shop shop = shop_to_trace();
    uint64_t fired = 0;
    int tracer;

    (void)state;
    shop_fire(shop, 1000); /* before: not counted */
    tracer = shop_trace(shop);
    for (size_t times = 1; times <= 1000; times *= 10) {
        shop_fire(shop, times);
        fired += times;
        assert_int_equal(tracer_count(tracer), fired);
    }
    close(tracer);
    shop_fire(shop, 1000);
    tracer = shop_trace(shop);
    assert_int_equal(tracer_count(tracer), 0);
    close(tracer);
    rst_provider_free(shop.provider);
}

static void arguments_are_evaluated_only_while_traced(void **state)
{
    struct shop shop = shop_to_trace();
    int evaluated = 0, tracer;

    (void)state;
    RST_FIRE(shop.order, ++evaluated);
    assert_int_equal(evaluated, 0);
    tracer = shop_trace(shop);
    RST_FIRE(shop.order, ++evaluated);
    assert_int_equal(evaluated, 1);
    close(tracer);
    RST_FIRE(shop.order, ++evaluated);
    assert_int_equal(evaluated, 1);
    rst_provider_free(shop.provider);
}

static void each_probe_has_its_own_semaphore(void **state)
{
    struct shop shop = shop_to_trace();
    rst_probe *refund = rst_provider_add(shop.provider, "refund", NULL);
    int tracer;

    (void)state;
    assert_int_equal(rst_provider_load(shop.provider), 0);
    tracer = tracer_attach_probe(refund, "shop", 0);
    assert_true(rst_probe_enabled(refund));
    assert_false(rst_probe_enabled(shop.order));
    RST_FIRE(refund);
    shop_fire(shop, 5);
    assert_int_equal(tracer_count(tracer), 1);
    close(tracer);
    assert_false(rst_probe_enabled(refund));
    rst_provider_free(shop.provider);
}

/* The kernel counts sites that it has put a breakpoint in, and so two tracers of one once. */
static void a_probe_is_enabled_until_the_last_tracer_leaves(void **state)
{
    struct shop shop = shop_to_trace();
    int first, second;

    (void)state;
    assert_int_equal(*rst_probe_semaphore(shop.order), 0);
    first = shop_trace(shop);
    assert_true(rst_probe_enabled(shop.order));
    shop_fire(shop, 1);
    second = shop_trace(shop);
    assert_true(rst_probe_enabled(shop.order));
    shop_fire(shop, 10);
    assert_int_equal(tracer_count(first), 11);
    assert_int_equal(tracer_count(second), 10);
    close(first);
    assert_true(rst_probe_enabled(shop.order));
    shop_fire(shop, 100);
    assert_int_equal(tracer_count(second), 110);
    close(second);
    assert_int_equal(*rst_probe_semaphore(shop.order), 0);
    rst_provider_free(shop.provider);
}

struct watched {
    struct shop shop;
    pid_t pid;
};

static void trace_and_pause(void *data)
{
    const struct watched *watched = data;
    int tracer = tracer_attach_probe(watched->shop.order, "shop", watched->pid);

    child_pause();
    check_equal(tracer_count(tracer), 20);
    child_pause();
}

static void a_killed_tracer_leaves_the_probe_disabled(void **state)
{
    struct watched watched = {shop_to_trace(), getpid()};
    struct child child;

    (void)state;
    child = child_start(trace_and_pause, &watched);
    child_await(&child);
    assert_int_equal(*rst_probe_semaphore(watched.shop.order), 1);
    shop_fire(watched.shop, 20);
    child_continue(&child);
    child_await(&child); /* it has counted them */
    child_kill(&child);
    check_semaphore_becomes(watched.shop.order, 0);
    rst_provider_free(watched.shop.provider);
}

static void a_killed_tracer_leaves_the_others_attached(void **state)
{
    struct watched watched = {shop_to_trace(), getpid()};
    struct child child;
    int tracer;

    (void)state;
    child = child_start(trace_and_pause, &watched);
    child_await(&child);
    tracer = shop_trace(watched.shop);
    child_kill(&child);
    shop_fire(watched.shop, 20);
    assert_int_equal(tracer_count(tracer), 20);
    assert_true(rst_probe_enabled(watched.shop.order));
    close(tracer);
    check_semaphore_becomes(watched.shop.order, 0);
    rst_provider_free(watched.shop.provider);
}

/*
 * Where the kernel single-steps the instruction under a breakpoint, it makes a page for a copy of
 * it; a fire then takes two exceptions. It knows the effect of x86's nop, and of aarch64's
 * from 6.13.
 */
static void the_kernel_does_not_single_step_the_nop(void **state)
{
    struct shop shop = shop_to_trace();
    int tracer = shop_trace(shop);
    struct utsname kernel;
    char line[4096];
    bool steps = false;
    FILE *maps;

    (void)state;
    shop_fire(shop, 10);
    assert_int_equal(tracer_count(tracer), 10);
    close(tracer);
    rst_provider_free(shop.provider);
    maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps))
        steps |= strstr(line, "[uprobes]") != NULL;
    fclose(maps);
    assert_int_equal(uname(&kernel), 0);
    if (strcmp(kernel.machine, "aarch64") == 0)
        assert_int_equal(steps, release_is_before(kernel.release, 6, 13));
    else if (strcmp(kernel.machine, "x86_64") == 0)
        assert_false(steps);
    else
        need(false, "what this CPU's kernel does is not known");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_are_counted_exactly),
        cmocka_unit_test(arguments_are_evaluated_only_while_traced),
        cmocka_unit_test(each_probe_has_its_own_semaphore),
        cmocka_unit_test(a_probe_is_enabled_until_the_last_tracer_leaves),
        cmocka_unit_test(a_killed_tracer_leaves_the_probe_disabled),
        cmocka_unit_test(a_killed_tracer_leaves_the_others_attached),
        cmocka_unit_test(the_kernel_does_not_single_step_the_nop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
