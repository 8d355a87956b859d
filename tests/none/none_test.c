/* SPDX-License-Identifier: MIT */
/*
 * The loader that loads nothing: a load says so, and the program goes on with probes that nobody
 * can watch.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rst.h"

#define THREADS 4
#define ROUNDS 200

static unsigned evaluated;

static uint64_t evaluate(void)
{
    return ++evaluated;
}

static void assert_fires_in_vain(const rst_probe *probe)
{
    const uint64_t args[] = {1, 2};

    evaluated = 0;
    assert_false(rst_probe_enabled(probe));
    assert_int_equal(*rst_probe_semaphore(probe), 0);
    RST_FIRE(probe, evaluate(), "Ada");
    rst_probe_fire(probe, args, 2);
    ((void (*)(uint64_t, uint64_t))rst_probe_function(probe))(1, 2);
    assert_null(rst_probe_path(probe));
    assert_int_equal(evaluated, 0);
}

static void a_load_says_that_nothing_can_be_watched(void **state)
{
    rst_provider *shop = rst_provider_new("shop");
    rst_probe *checkout = rst_provider_add(shop, "checkout", "uint64 order, string customer");

    (void)state;
    assert_non_null(checkout);
    for (int backing = RST_BACKING_AUTO; backing <= RST_BACKING_FILE; backing++) {
        assert_int_equal(rst_provider_set_backing(shop, backing, NULL), 0);
        errno = 0;
        assert_int_equal(rst_provider_load(shop), -ENOTSUP);
        assert_int_equal(errno, ENOTSUP);
        assert_non_null(strstr(rst_error(), "provider \"shop\": librst was built for "));
        assert_non_null(strstr(rst_error(), "can't be watched"));
        assert_false(rst_provider_loaded(shop));
        assert_fires_in_vain(checkout);
    }
    assert_int_equal(rst_provider_unload(shop), 0);
    assert_fires_in_vain(rst_provider_add(shop, "later", "int8"));
    assert_string_equal(rst_probe_signature(checkout), "uint64 order, string customer");
    rst_provider_free(shop);
}

static void rst_disable_makes_a_load_succeed(void **state)
{
    rst_provider *shop = rst_provider_new("shop");

    (void)state;
    assert_int_equal(setenv("RST_DISABLE", "1", 1), 0);
    assert_int_equal(rst_provider_load(shop), 0);
    assert_int_equal(setenv("RST_DISABLE", "0", 1), 0);
    assert_int_equal(rst_provider_load(shop), -ENOTSUP);
    assert_int_equal(unsetenv("RST_DISABLE"), 0);
    assert_false(rst_provider_loaded(shop));
    rst_provider_free(shop);
}

static void *declare_load_and_free(void *name)
{
    for (int i = 0; i < ROUNDS; i++) {
        rst_provider *provider = rst_provider_new(name);
        rst_probe *probe = rst_provider_add(provider, "probe", "uint64");

        if (!probe || rst_provider_load(provider) != -ENOTSUP)
            return name;
        RST_FIRE(probe, i);
        rst_provider_free(provider);
    }
    return NULL;
}

/* A child that is forked while another thread has the lock must find it free. */
static void threads_and_forked_children_declare_and_fire(void **state)
{
    char names[THREADS][8];
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        snprintf(names[i], sizeof(names[i]), "p%d", i);
        assert_int_equal(pthread_create(&threads[i], NULL, declare_load_and_free, names[i]), 0);
    }
    for (int i = 0; i < ROUNDS / 4; i++) {
        char name[] = "child";
        pid_t child = fork();
        int status;

        if (child == 0) {
            alarm(20);
            _exit(declare_load_and_free(name) != NULL);
        }
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_says_that_nothing_can_be_watched),
        cmocka_unit_test(rst_disable_makes_a_load_succeed),
        cmocka_unit_test(threads_and_forked_children_declare_and_fire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
