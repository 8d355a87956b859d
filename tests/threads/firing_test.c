/* SPDX-License-Identifier: MIT */
/*
 * Firing, each thread in its own way, while probes are loaded, unloaded and added, tracers come
 * and go, and the program forks.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/children.h"
#include "support/shop.h"
#include "support/tracer.h"

/*
 * ThreadSanitizer takes the mmap(2) that shows an object for a write to the semaphores, which
 * threads read meanwhile. The kernel exchanges the page in one step: a reader sees the old one or
 * the new.
 */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "race:map_part\n";
}

typedef void probe_function(uint64_t);

/* What the threads fire, and the pointers that they got before. */
struct fired_shop {
    struct shop shop;
    const volatile uint32_t *semaphore;
    probe_function *function;
};

static void fire_by_macro(const struct fired_shop *target)
{
    RST_FIRE(target->shop.order, 1);
}

static void fire_by_call(const struct fired_shop *target)
{
    const uint64_t args[] = {1};

    rst_probe_fire(target->shop.order, args, 1);
}

static void fire_by_pointers(const struct fired_shop *target)
{
    if (*target->semaphore != 0)
        target->function(1);
}

static void fire_unguarded(const struct fired_shop *target)
{
    target->function(1);
}

static void (*const ways[])(const struct fired_shop *target) = {fire_by_macro, fire_by_call,
                                                                fire_by_pointers, fire_unguarded};

#define THREADS (sizeof(ways) / sizeof(ways[0]))

struct firing {
    const struct fired_shop *target;
    void (*fire)(const struct fired_shop *target);
    atomic_bool *stop; /* NULL: after `times` */
    uint64_t times;    /* how often it has fired, or shall */
    pthread_t thread;
};

static void *fire_on(void *data)
{
    struct firing *firing = data;

    if (!firing->stop) {
        for (uint64_t i = 0; i < firing->times; i++)
            firing->fire(firing->target);
        return NULL;
    }
    while (!atomic_load(firing->stop)) {
        firing->fire(firing->target);
        firing->times++;
    }
    return NULL;
}

static struct fired_shop target_of(struct shop shop)
{
    struct fired_shop target = {.shop = shop};

    target.semaphore = rst_probe_semaphore(shop.order);
    target.function = (probe_function *)(uintptr_t)rst_probe_function(shop.order);
    return target;
}

static void start(struct firing firings[THREADS], const struct fired_shop *target,
                  atomic_bool *stop, uint64_t times)
{
    for (size_t i = 0; i < THREADS; i++) {
        firings[i] = (struct firing){target, ways[i], stop, times, 0};
        check_equal(pthread_create(&firings[i].thread, NULL, fire_on, &firings[i]), 0);
    }
}

/* Gives how often all have fired. */
static uint64_t finish(struct firing firings[THREADS])
{
    uint64_t fired = 0;

    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(firings[i].thread, NULL);
        fired += firings[i].times;
    }
    return fired;
}

/* With one thread again, a tracer's count is exact. */
static void check_exact(struct shop shop)
{
    int tracer = shop_trace(shop);

    assert_int_equal(*rst_probe_semaphore(shop.order), 1);
    shop_fire(shop, 100);
    assert_int_equal(tracer_count(tracer), 100);
    close(tracer);
    assert_int_equal(*rst_probe_semaphore(shop.order), 0);
}

#define TIMES 20000

static void counts_are_exact_while_probes_are_added(void **state)
{
    struct fired_shop target = target_of(shop_to_trace());
    struct firing firings[THREADS];
    struct tracers tracers;
    char name[16];

    (void)state;
    tracers = tracers_attach_everywhere(target.shop.order, "shop");
    start(firings, &target, NULL, TIMES);
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "added%d", i);
        assert_non_null(rst_provider_add(target.shop.provider, name, NULL));
        assert_int_equal(rst_provider_load(target.shop.provider), 0);
    }
    assert_int_equal(finish(firings), TIMES * THREADS);
    assert_int_equal(tracers_count(&tracers), TIMES * THREADS);
    tracers_detach(&tracers);
    rst_provider_free(target.shop.provider);
}

static void unloading_while_traced_disturbs_no_thread(void **state)
{
    struct fired_shop target = target_of(shop_to_trace());
    struct firing firings[THREADS];
    atomic_bool stop = false;
    struct tracers tracers;
    uint64_t before;

    (void)state;
    tracers = tracers_attach_everywhere(target.shop.order, "shop");
    start(firings, &target, &stop, 0);
    for (int cycle = 0; cycle < 100; cycle++) {
        assert_int_equal(rst_provider_unload(target.shop.provider), 0);
        assert_int_equal(*target.semaphore, 0);
        assert_int_equal(rst_provider_load(target.shop.provider), 0);
        assert_int_equal(*target.semaphore, 1);
    }
    atomic_store(&stop, true);
    assert_true(tracers_count(&tracers) <= finish(firings));
    before = tracers_count(&tracers);
    shop_fire(target.shop, 100);
    assert_int_equal(tracers_count(&tracers), before + 100);
    tracers_detach(&tracers);
    check_exact(target.shop);
    rst_provider_free(target.shop.provider);
}

static void unloading_untraced_disturbs_no_thread(void **state)
{
    struct fired_shop target = target_of(shop_loaded());
    struct firing firings[THREADS];
    atomic_bool stop = false;

    (void)state;
    start(firings, &target, &stop, 0);
    for (int cycle = 0; cycle < 2000; cycle++) {
        assert_int_equal(rst_provider_unload(target.shop.provider), 0);
        assert_int_equal(rst_provider_load(target.shop.provider), 0);
    }
    atomic_store(&stop, true);
    assert_true(finish(firings) > 0);
    assert_int_equal(*target.semaphore, 0);
    rst_provider_free(target.shop.provider);
}

static void *attach_and_detach(void *data)
{
    const struct fired_shop *target = data;

    for (int i = 0; i < 50; i++) {
        const char *path = rst_probe_path(target->shop.order);
        int tracer = path ? shop_trace(target->shop) : -1;

        if (tracer >= 0)
            close(tracer);
    }
    return NULL;
}

static void tracers_may_come_and_go(void **state)
{
    struct fired_shop target = target_of(shop_to_trace());
    struct firing firings[THREADS];
    atomic_bool stop = false;
    char name[16];
    pthread_t tracer;

    (void)state;
    start(firings, &target, &stop, 0);
    assert_int_equal(pthread_create(&tracer, NULL, attach_and_detach, &target), 0);
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "added%d", i);
        assert_non_null(rst_provider_add(target.shop.provider, name, NULL));
        assert_int_equal(rst_provider_load(target.shop.provider), 0);
    }
    pthread_join(tracer, NULL);
    atomic_store(&stop, true);
    finish(firings);
    assert_int_equal(*target.semaphore, 0);
    check_exact(target.shop);
    rst_provider_free(target.shop.provider);
}

static void fire_each_way(void *data)
{
    const struct fired_shop *target = data;

    for (size_t i = 0; i < THREADS; i++)
        ways[i](target);
    check_equal(rst_provider_unload(target->shop.provider), 0);
    check_equal(*target->semaphore, 0);
    for (size_t i = 0; i < THREADS; i++)
        ways[i](target);
}

static void *unload_and_load(void *data)
{
    const struct fired_shop *target = data;

    for (int cycle = 0; cycle < 50; cycle++) {
        check_equal(rst_provider_unload(target->shop.provider), 0);
        check_equal(rst_provider_load(target->shop.provider), 0);
    }
    return NULL;
}

static void forks_amid_all_that_live(void **state)
{
    struct fired_shop target = target_of(shop_to_trace());
    struct firing firings[THREADS];
    atomic_bool stop = false;
    struct tracers tracers;
    pthread_t loader;

    (void)state;
    tracers = tracers_attach_everywhere(target.shop.order, "shop");
    start(firings, &target, &stop, 0);
    assert_int_equal(pthread_create(&loader, NULL, unload_and_load, &target), 0);
    for (int i = 0; i < 100; i++)
        in_child(fire_each_way, &target);
    pthread_join(loader, NULL);
    atomic_store(&stop, true);
    finish(firings);
    assert_int_equal(*target.semaphore, 1);
    tracers_detach(&tracers);
    assert_int_equal(*target.semaphore, 0);
    check_exact(target.shop);
    rst_provider_free(target.shop.provider);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_exact_while_probes_are_added),
        cmocka_unit_test(unloading_while_traced_disturbs_no_thread),
        cmocka_unit_test(unloading_untraced_disturbs_no_thread),
        cmocka_unit_test(tracers_may_come_and_go),
        cmocka_unit_test(forks_amid_all_that_live),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
