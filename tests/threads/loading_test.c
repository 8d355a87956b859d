/* SPDX-License-Identifier: MIT */
/*
 * Loading and unloading from many threads, a library's constructor among them.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/children.h"
#include "support/resources.h"
#include "support/shop.h"
#include "support/tracer.h"
#include "threads/constructor.h"

#define THREADS 4
#define ROUNDS 200
#define ADDED 25 /* probes, by each thread */

static const char *module; /* the library with the constructor; set by main */

struct worker {
    rst_provider *provider;
    int number;
    rst_probe *probes[ADDED];
    pthread_barrier_t *barrier;
    pthread_t thread;
};

static void run_workers(struct worker workers[THREADS], rst_provider *provider,
                        void *(*work)(void *worker))
{
    pthread_barrier_t barrier;

    check_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.provider = provider, .number = i, .barrier = &barrier};
        check_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    pthread_barrier_destroy(&barrier);
}

static void *add_and_load(void *data)
{
    struct worker *worker = data;
    char name[32];

    pthread_barrier_wait(worker->barrier);
    for (int i = 0; i < ADDED; i++) {
        snprintf(name, sizeof(name), "probe_%d_%d", worker->number, i);
        worker->probes[i] = rst_provider_add(worker->provider, name, "uint64 id");
        check(worker->probes[i] != NULL);
        check_equal(rst_provider_load(worker->provider), 0);
    }
    return NULL;
}

static void each_thread_gets_the_probes_that_it_adds(void **state)
{
    rst_provider *provider = rst_provider_new("shop");
    struct worker workers[THREADS];

    (void)state;
    run_workers(workers, provider, add_and_load);
    assert_true(rst_provider_loaded(provider));
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < ADDED; j++) {
            rst_probe *probe = workers[i].probes[j];
            int tracer;

            assert_non_null(rst_probe_path(probe));
            if (tracer_unavailable() || j > 0)
                continue;
            tracer = tracer_attach_probe(probe, "shop", 0);
            RST_FIRE(probe, 1);
            assert_int_equal(tracer_count(tracer), 1);
            close(tracer);
        }
    rst_provider_free(provider);
}

static void *load(void *data)
{
    struct worker *worker = data;

    pthread_barrier_wait(worker->barrier);
    check_equal(rst_provider_load(worker->provider), 0);
    return NULL;
}

static void loads_of_one_provider_make_one_library(void **state)
{
    struct worker workers[THREADS];

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        size_t libraries = libraries_of("");
        struct shop shop = shop_new();

        run_workers(workers, shop.provider, load);
        assert_true(rst_provider_loaded(shop.provider));
        assert_non_null(rst_probe_path(shop.order));
        assert_int_equal(libraries_of(""), libraries + 1);
        rst_provider_free(shop.provider);
        assert_int_equal(libraries_of(""), libraries + (DLCLOSE_UNMAPS ? 0 : 1));
    }
}

/* ------------------------------------------------------------------- load and unload -- */

static void *load_or_unload(void *data)
{
    struct worker *worker = data;

    pthread_barrier_wait(worker->barrier);
    for (int i = 0; i < ROUNDS; i++)
        check_equal((worker->number + i) % 2 == 0 ? rst_provider_load(worker->provider)
                                                  : rst_provider_unload(worker->provider),
                    0);
    return NULL;
}

static void check_state(struct shop shop, bool loaded)
{
    assert_int_equal(rst_provider_loaded(shop.provider), loaded);
    assert_int_equal(rst_probe_path(shop.order) != NULL, loaded);
    assert_int_equal(mappings_of("librst-shop") > 0, loaded);
}

static void of_loads_and_unloads_the_last_holds(void **state)
{
    struct resources before;
    struct worker workers[THREADS];
    struct shop shop = shop_loaded();

    (void)state;
    before = resources_now();
    for (int round = 0; round < 5; round++) {
        run_workers(workers, shop.provider, load_or_unload);
        check_state(shop, rst_provider_loaded(shop.provider)); /* whichever it was, wholly */
        assert_int_equal(rst_provider_unload(shop.provider), 0);
        check_state(shop, false);
        assert_int_equal(rst_provider_load(shop.provider), 0);
        check_state(shop, true);
    }
    assert_int_equal(resources_now().libraries, before.libraries);
    assert_int_equal(resources_now().descriptors, before.descriptors);
    rst_provider_free(shop.provider);
}

/* A load that has begun, and an unload that comes while it is in the dynamic linker: whichever is
 * called later has its way, and both agree on which that was. */
static void *unload(void *data)
{
    struct worker *worker = data;

    pthread_barrier_wait(worker->barrier);
    check_equal(rst_provider_unload(worker->provider), 0);
    return NULL;
}

static void a_first_load_and_an_unload_leave_one_state(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct shop shop = shop_new();
        pthread_barrier_t barrier;
        struct worker loader = {.provider = shop.provider, .barrier = &barrier};
        struct worker unloader = loader;

        assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
        assert_int_equal(pthread_create(&loader.thread, NULL, load, &loader), 0);
        assert_int_equal(pthread_create(&unloader.thread, NULL, unload, &unloader), 0);
        pthread_join(loader.thread, NULL);
        pthread_join(unloader.thread, NULL);
        check_state(shop, rst_provider_loaded(shop.provider));
        assert_int_equal(rst_provider_load(shop.provider), 0);
        check_state(shop, true);
        pthread_barrier_destroy(&barrier);
        rst_provider_free(shop.provider);
    }
}

/* ------------------------------------------------------------------------- errors -- */

static void *fail_in_own_words(void *data)
{
    struct worker *worker = data;
    char name[32];

    check_text(rst_error(), ""); /* the other threads' failures are theirs */
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(name, sizeof(name), "bad-%d-%d", worker->number, i);
        pthread_barrier_wait(worker->barrier);
        check(rst_provider_new(name) == NULL);
        check_equal(errno, EINVAL);
        pthread_barrier_wait(worker->barrier);
        check_mentions(rst_error(), name);
    }
    return NULL;
}

static void each_thread_has_its_own_error(void **state)
{
    struct worker workers[THREADS];
    char own[256];

    (void)state;
    assert_null(rst_provider_new("main's"));
    snprintf(own, sizeof(own), "%s", rst_error());
    run_workers(workers, NULL, fail_in_own_words);
    assert_string_equal(rst_error(), own);
}

/* -------------------------------------------------------------------- constructors -- */

int constructor_forks; /* read by the module */

static atomic_bool stop;

static void *load_in_a_loop(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop)) {
        rst_provider_free(shop_loaded().provider);
    }
    return NULL;
}

/* The constructor has the dynamic linker's lock, and wants librst's; the loop has it the other way
 * round. A deadlock ends the child by SIGALRM. */
static void open_module(void *data)
{
    int times = *(int *)data;
    pthread_t thread;

    alarm(50);
    check_equal(pthread_create(&thread, NULL, load_in_a_loop, NULL), 0);
    for (int i = 0; i < times; i++) {
        void *handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);

        if (!handle)
            check_failed(__FILE__, __LINE__, "%s", dlerror());
        dlclose(handle);
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
}

static void a_constructor_may_declare_and_load_while_others_load(void **state)
{
    int times = 300;

    (void)state;
    constructor_forks = 0;
    in_child(open_module, &times);
}

static void a_constructor_may_fork_while_others_load(void **state)
{
    int times = 2; /* each may take as long as a fork waits for loads */

    (void)state;
    constructor_forks = 1;
    in_child(open_module, &times);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_thread_gets_the_probes_that_it_adds),
        cmocka_unit_test(loads_of_one_provider_make_one_library),
        cmocka_unit_test(of_loads_and_unloads_the_last_holds),
        cmocka_unit_test(a_first_load_and_an_unload_leave_one_state),
        cmocka_unit_test(each_thread_has_its_own_error),
        cmocka_unit_test(a_constructor_may_declare_and_load_while_others_load),
        cmocka_unit_test(a_constructor_may_fork_while_others_load),
    };

    if (count != 2) {
        fprintf(stderr, "usage: %s MODULE\n", arguments[0]);
        return EXIT_FAILURE;
    }
    module = arguments[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
