/* SPDX-License-Identifier: MIT */
/*
 * Forks while other threads load. A child that gets the dynamic linker half-way through a dlopen(3)
 * dies at its own next one, unless librst sees to it.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/children.h"
#include "support/resources.h"
#include "support/sandbox.h"
#include "support/shop.h"

#define HANGS_SANITIZED "a child may get the sanitizer's own locks as another thread had them"

static int pid_in(const char *path)
{
    int pid = -1;

    check_equal(sscanf(path, "/proc/%d/fd/", &pid), 1);
    return pid;
}

static _Atomic bool stop;

static void *load_in_a_loop(void *unused)
{
    (void)unused;
    while (!stop) {
        rst_provider *provider = rst_provider_new("busy");
        rst_probe *probe = rst_provider_add(provider, "loop", NULL);

        check_equal(rst_provider_load(provider), 0);
        RST_FIRE(probe);
        rst_provider_free(provider);
    }
    return NULL;
}

static void load_after_fork(void *data)
{
    struct shop shop = *(struct shop *)data;
    rst_provider *own = rst_provider_new("own");

    check_equal(rst_provider_load(shop.provider), 0);
    check(rst_provider_loaded(shop.provider));
    check_equal(pid_in(rst_probe_path(shop.order)), getpid());
    check(rst_provider_add(own, "probe", NULL) != NULL);
    check_equal(rst_provider_load(own), 0);
    rst_provider_free(own);
    rst_provider_free(shop.provider);
}

static void *load_and_unload_shop(void *data)
{
    struct shop *shop = data;

    while (!stop) {
        check_equal(rst_provider_load(shop->provider), 0);
        check_equal(rst_provider_unload(shop->provider), 0);
    }
    return NULL;
}

#define FORKS 200

static void a_child_forked_amid_a_load_can_load(void **state)
{
    struct shop shop;
    pthread_t threads[2];

    (void)state;
    check_applies(!SANITIZED, HANGS_SANITIZED);
    check_not_emulated("can't fork amid other threads' work");
    shop = shop_new();
    stop = false;
    assert_int_equal(pthread_create(&threads[0], NULL, load_in_a_loop, NULL), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, load_and_unload_shop, &shop), 0);
    for (int i = 0; i < FORKS; i++)
        in_child(load_after_fork, &shop);
    stop = true;
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    rst_provider_free(shop.provider);
}

/* A library of the program's own, and a thread that loads and closes it all the time. */
static void *load_foreign_in_a_loop(void *path)
{
    while (!stop) {
        void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

        check(handle != NULL);
        dlclose(handle);
    }
    return NULL;
}

static void load_if_the_linker_can(void *data)
{
    struct shop shop = *(struct shop *)data;
    rst_provider *own = rst_provider_new("own");
    rst_probe *probe = rst_provider_add(own, "probe", NULL);
    int error = rst_provider_load(own);

    if (error < 0) {
        check_equal(error, -ENOEXEC);
        check_mentions(rst_error(), "forked while another thread was in dlopen");
        check(!rst_provider_loaded(own));
        RST_FIRE(probe);
    }
    check_equal(rst_provider_unload(shop.provider), 0); /* what is loaded needs no linker */
    check_equal(rst_provider_load(shop.provider), 0);
    check_equal(pid_in(rst_probe_path(shop.order)), getpid());
    shop_fire(shop, 1);
    rst_provider_free(own);
    rst_provider_free(shop.provider);
}

static void a_child_forked_amid_the_programs_own_dlopen_survives(void **state)
{
    const char *path = path_in(*state, "foreign.so");
    char command[256];
    struct shop shop;
    pthread_t thread;

    check_applies(!SANITIZED, HANGS_SANITIZED);
    check_not_emulated("can't fork amid other threads' work");
    shop = shop_loaded();
    snprintf(command, sizeof(command), "cat %s >%s", rst_probe_path(shop.order), path);
    assert_int_equal(system(command), 0);
    stop = false;
    assert_int_equal(pthread_create(&thread, NULL, load_foreign_in_a_loop, (void *)(uintptr_t)path),
                     0);
    for (int i = 0; i < FORKS; i++)
        in_child(load_if_the_linker_can, &shop);
    stop = true;
    pthread_join(thread, NULL);
    rst_provider_free(shop.provider);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_forked_amid_a_load_can_load),
        cmocka_unit_test_setup_teardown(a_child_forked_amid_the_programs_own_dlopen_survives,
                                        make_directory, remove_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
