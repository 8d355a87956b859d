/* SPDX-License-Identifier: MIT */
/*
 * RST_NOP=fast, on a kernel that turns the site's nop into a call of a trampoline: a forked child
 * lacks the trampoline, and must not crash for it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "called_site.h"
#include "support/children.h"
#include "support/shop.h"
#include "support/tracer.h"

#define FORKS 2000
#define STUB_SIZE 16

static const uint8_t nop5[] = {0x0f, 0x1f, 0x44, 0x00, 0x00};
static const uint8_t call[] = {0xe8};
static struct called_site called;

/* In a child: a loaded shop with such a site, which is `called`. Skips on other kernels. */
static struct shop fast_shop(void)
{
    setenv("RST_NOP", "fast", 1);
    called = find_called_site(shop_loaded(), nop5, sizeof(nop5), STUB_SIZE);
    called.call = call;
    called.call_size = sizeof(call);
    check_applies(called.site != NULL,
                  "this kernel makes no call of a nop5 (Linux 6.18 to 7.2 do)");
    return called.shop;
}

static void attach_and_detach(void *unused)
{
    (void)unused;
    fast_shop();
    check_calls_come_and_go(&called);
}

static void the_site_becomes_a_call_and_counts_are_exact(void **state)
{
    (void)state;
    need_tracer();
    in_child(attach_and_detach, NULL);
}

/* ---------------------------------------------------------------- a tracer of all -- */

struct called_shop {
    struct shop shop;
    struct tracers tracers;
    uint64_t before; /* hits until the call was there */
    int generations; /* yet to be forked */
};

static struct called_shop traced_everywhere(void)
{
    struct called_shop traced = {.shop = fast_shop()};

    traced.tracers = tracers_attach_everywhere(traced.shop.order, "shop");
    check_becomes_call(&called);
    traced.before = tracers_count(&traced.tracers);
    return traced;
}

static void check_hits(const struct called_shop *traced, uint64_t want)
{
    check_equal(tracers_count(&traced->tracers) - traced->before, want);
}

static void detach(struct called_shop *traced)
{
    tracers_detach(&traced->tracers);
    check_equal(*rst_probe_semaphore(traced->shop.order), 0);
}

static void detach_and_free(struct called_shop *traced)
{
    detach(traced);
    rst_provider_free(traced->shop.provider);
}

/* --------------------------------------------------------------------------- forks -- */

static void fire_in_child(void *data)
{
    shop_fire(*(struct shop *)data, 3);
}

static void fork_under_own_tracer(void *unused)
{
    struct shop shop = fast_shop();
    int tracer = shop_trace(shop);
    uint64_t before;

    (void)unused;
    check_becomes_call(&called);
    before = tracer_count(tracer);
    for (int i = 0; i < FORKS; i++) {
        in_child(fire_in_child, &shop);
        shop_fire(shop, 1);
    }
    check(site_is_call(&called));
    check_equal(tracer_count(tracer), before + FORKS);
    check_equal(*rst_probe_semaphore(shop.order), 1);
    close(tracer);
    check_equal(*rst_probe_semaphore(shop.order), 0);
    rst_provider_free(shop.provider);
}

static void children_of_a_process_traced_alone_live(void **state)
{
    (void)state;
    need_tracer();
    in_child(fork_under_own_tracer, NULL);
}

static void fork_under_tracer_of_all(void *unused)
{
    struct called_shop traced = traced_everywhere();

    (void)unused;
    for (int i = 0; i < FORKS; i++)
        in_child(fire_in_child, &traced.shop);
    check_hits(&traced, FORKS * (uint64_t)3);
    detach_and_free(&traced);
}

static void children_of_a_process_traced_among_all_live_and_are_seen(void **state)
{
    (void)state;
    need_tracer();
    in_child(fork_under_tracer_of_all, NULL);
}

/* Each generation fires on both sides of the fork of the next. */
static void fire_and_fork(void *data)
{
    struct called_shop traced = *(struct called_shop *)data;

    shop_fire(traced.shop, 5);
    check_equal(*rst_probe_semaphore(traced.shop.order), 1);
    if (--traced.generations > 0)
        in_child(fire_and_fork, &traced);
    shop_fire(traced.shop, 5);
    check_equal(*rst_probe_semaphore(traced.shop.order), 1);
}

static void fork_generations(void *unused)
{
    struct called_shop traced = traced_everywhere();

    (void)unused;
    traced.generations = 10;
    in_child(fire_and_fork, &traced);
    check_hits(&traced, 100);
    detach_and_free(&traced);
}

static void grandchildren_live_and_are_seen(void **state)
{
    (void)state;
    need_tracer();
    in_child(fork_generations, NULL);
}

static void fire_until_tracer_has_left(void *data)
{
    struct called_shop *traced = data;

    tracers_detach(&traced->tracers); /* its copies of the descriptors */
    check_equal(*rst_probe_semaphore(traced->shop.order), 1);
    shop_fire(traced->shop, 5);
    check_equal(*rst_probe_semaphore(traced->shop.order), 1);
    child_pause();
    check_equal(*rst_probe_semaphore(traced->shop.order), 0);
    shop_fire(traced->shop, 5);
    shop_call(traced->shop);
}

static void detach_from_both(void *unused)
{
    struct called_shop traced = traced_everywhere();
    struct child child;

    (void)unused;
    child = child_start(fire_until_tracer_has_left, &traced);
    child_await(&child);
    check_hits(&traced, 5);
    detach(&traced);
    shop_fire(traced.shop, 5);
    child_continue(&child);
    child_join(&child);
    rst_provider_free(traced.shop.provider);
}

static void the_semaphore_comes_back_to_zero_in_parent_and_child(void **state)
{
    (void)state;
    need_tracer();
    in_child(detach_from_both, NULL);
}

/* ----------------------------------------------------------------------- odd children -- */

static void fire_unseen_and_load(void *data)
{
    struct shop shop = *(struct shop *)data;

    shop_fire(shop, 5);
    shop_call(shop);
    check_equal(*rst_probe_semaphore(shop.order), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    check_traceable(shop);
}

static void fork_without_memfd(void *unused)
{
    struct shop shop = fast_shop();
    int tracer = shop_trace(shop);

    (void)unused;
    check_becomes_call(&called);
    close(atoi(strrchr(rst_probe_path(shop.order), '/') + 1));
    for (int i = 0; i < 100; i++)
        in_child(fire_unseen_and_load, &shop);
    check_becomes_call(&called); /* the parent's is as it was */
    close(tracer);
    check_equal(*rst_probe_semaphore(shop.order), 0);
    rst_provider_free(shop.provider);
}

static void children_of_a_process_that_closed_the_memfd_live(void **state)
{
    (void)state;
    need_tracer();
    in_child(fork_without_memfd, NULL);
}

static void unload_load_and_free(void *data)
{
    struct shop shop = *(struct shop *)data;

    check_equal(rst_provider_unload(shop.provider), 0);
    shop_fire(shop, 5);
    shop_call(shop);
    check_equal(*rst_probe_semaphore(shop.order), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    shop_fire(shop, 5);
    rst_provider_free(shop.provider);
}

static void fork_and_unload(void *unused)
{
    struct called_shop traced = traced_everywhere();

    (void)unused;
    for (int i = 0; i < 100; i++)
        in_child(unload_load_and_free, &traced.shop);
    check_hits(&traced, 500);
    detach_and_free(&traced);
}

static void children_unload_and_load_for_themselves(void **state)
{
    (void)state;
    need_tracer();
    in_child(fork_and_unload, NULL);
}

static _Atomic bool stop;

static void *fire_in_a_loop(void *data)
{
    while (!stop)
        shop_fire(*(struct shop *)data, 1);
    return NULL;
}

static void fork_while_firing(void *unused)
{
    struct shop shop = fast_shop();
    struct tracers tracers = tracers_attach_everywhere(shop.order, "shop");
    pthread_t thread;

    (void)unused;
    check_equal(pthread_create(&thread, NULL, fire_in_a_loop, &shop), 0);
    for (int i = 0; i < FORKS / 4; i++)
        in_child(fire_in_child, &shop);
    stop = true;
    pthread_join(thread, NULL);
    tracers_detach(&tracers);
    check_equal(*rst_probe_semaphore(shop.order), 0);
    rst_provider_free(shop.provider);
}

static void forks_while_another_thread_fires_live(void **state)
{
    (void)state;
    need_tracer();
    in_child(fork_while_firing, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_site_becomes_a_call_and_counts_are_exact),
        cmocka_unit_test(children_of_a_process_traced_alone_live),
        cmocka_unit_test(children_of_a_process_traced_among_all_live_and_are_seen),
        cmocka_unit_test(grandchildren_live_and_are_seen),
        cmocka_unit_test(the_semaphore_comes_back_to_zero_in_parent_and_child),
        cmocka_unit_test(children_of_a_process_that_closed_the_memfd_live),
        cmocka_unit_test(children_unload_and_load_for_themselves),
        cmocka_unit_test(forks_while_another_thread_fires_live),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
