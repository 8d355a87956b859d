/* SPDX-License-Identifier: MIT */
/*
 * While a thread holds the dynamic linker's lock, which a callback of dl_iterate_phdr(3) does: what
 * order loads and unloads have that come meanwhile, and what a child can do that is forked then.
 */
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/children.h"
#include "support/resources.h"
#include "support/shop.h"

#define DEADLINE 20 /* seconds for a child; then SIGALRM ends it */

/* ----------------------------------------------------------------------- the holder -- */

struct holder {
    sem_t holds, let_go;
    pthread_t thread;
};

static void await(sem_t *semaphore)
{
    while (sem_wait(semaphore) < 0)
        check_equal(errno, EINTR);
}

static int hold(struct dl_phdr_info *info, size_t size, void *data)
{
    struct holder *holder = data;

    (void)info, (void)size;
    sem_post(&holder->holds);
    await(&holder->let_go);
    return 1;
}

static void *iterate(void *data)
{
    dl_iterate_phdr(hold, data);
    return NULL;
}

static void hold_linker(struct holder *holder)
{
    sem_init(&holder->holds, 0, 0);
    sem_init(&holder->let_go, 0, 0);
    check_equal(pthread_create(&holder->thread, NULL, iterate, holder), 0);
    await(&holder->holds);
}

static void let_linker_go(struct holder *holder)
{
    sem_post(&holder->let_go);
    check_equal(pthread_join(holder->thread, NULL), 0);
}

/* -------------------------------------------------------------- a slow first load -- */

static void *load(void *shop)
{
    check_equal(rst_provider_load(((struct shop *)shop)->provider), 0);
    return NULL;
}

/* A load has begun when the backing can't be set any more. */
static bool has_begun(const void *shop)
{
    return rst_provider_set_backing(((const struct shop *)shop)->provider, RST_BACKING_MEMFD,
                                    NULL) == -EBUSY;
}

static pthread_t start_load(struct shop *shop)
{
    pthread_t thread;

    check_equal(pthread_create(&thread, NULL, load, shop), 0);
    check(wait_until(has_begun, shop));
    check(rst_probe_path(shop->order) == NULL);
    return thread;
}

/* A shop whose load waits for the linker while it is unloaded, loaded, and perhaps unloaded again.
 */
static struct shop shop_after(bool unloaded_at_last)
{
    struct shop shop = shop_new();
    struct holder holder;
    pthread_t loader;

    hold_linker(&holder);
    loader = start_load(&shop);
    assert_int_equal(rst_provider_unload(shop.provider), 0);
    assert_int_equal(rst_provider_load(shop.provider), 0);
    if (unloaded_at_last)
        assert_int_equal(rst_provider_unload(shop.provider), 0);
    let_linker_go(&holder);
    pthread_join(loader, NULL);
    return shop;
}

static void the_load_that_comes_after_an_unload_has_its_way(void **state)
{
    struct shop shop;

    (void)state;
    shop = shop_after(false);
    assert_true(rst_provider_loaded(shop.provider));
    assert_non_null(rst_probe_path(shop.order));
    check_traceable_if_allowed(shop);
    rst_provider_free(shop.provider);
}

static void the_unload_that_comes_after_a_load_has_its_way(void **state)
{
    struct shop shop;

    (void)state;
    shop = shop_after(true);
    assert_false(rst_provider_loaded(shop.provider));
    assert_null(rst_probe_path(shop.order));
    assert_int_equal(mappings_of("librst-shop"), 0);
    assert_int_equal(rst_provider_load(shop.provider), 0);
    assert_non_null(rst_probe_path(shop.order));
    rst_provider_free(shop.provider);
}

/* --------------------------------------------------------------------------- a fork -- */

/* The thread that held the lock is not in the child, and the lock is held for ever. */
static void check_child_of_held_linker(child_body *body)
{
    struct holder holder;
    struct shop shop;

    check_applies(!SANITIZED, "the sanitizer asks the dynamic linker, too");
    shop = shop_loaded();
    hold_linker(&holder);
    in_child(body, &shop);
    let_linker_go(&holder);
    rst_provider_free(shop.provider);
}

static void use_without_linker(void *data)
{
    struct shop shop = *(struct shop *)data;
    rst_provider *own = rst_provider_new("own");
    rst_probe *probe = rst_provider_add(own, "probe", NULL);

    alarm(DEADLINE);
    for (int i = 0; i < 2 * DEADLINE; i++) { /* the first may take its time */
        check_equal(rst_provider_load(own), -ENOEXEC);
        check_mentions(rst_error(), "dynamic linker unusable");
    }
    check(!rst_provider_loaded(own));
    RST_FIRE(probe);

    check_equal(rst_provider_unload(shop.provider), 0);
    check(rst_probe_path(shop.order) == NULL);
    shop_fire(shop, 1);
    check_equal(rst_provider_load(shop.provider), 0);
    check(rst_probe_path(shop.order) != NULL);
    check_traceable_if_allowed(shop);
    rst_provider_free(own);
    rst_provider_free(shop.provider);
}

static void a_child_that_cannot_load_is_told_and_keeps_what_it_has(void **state)
{
    (void)state;
    check_not_emulated("can't fork amid other threads' work");
    check_child_of_held_linker(use_without_linker);
}

static void free_without_linker(void *data)
{
    alarm(DEADLINE);
    rst_provider_free(((struct shop *)data)->provider);
}

static void a_child_that_cannot_load_can_free(void **state)
{
    (void)state;
    check_not_emulated("can't fork amid other threads' work");
    check_child_of_held_linker(free_without_linker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_load_that_comes_after_an_unload_has_its_way),
        cmocka_unit_test(the_unload_that_comes_after_a_load_has_its_way),
        cmocka_unit_test(a_child_that_cannot_load_is_told_and_keeps_what_it_has),
        cmocka_unit_test(a_child_that_cannot_load_can_free),
    };

    if (!DLCLOSE_UNMAPS) {
        puts("skipped: musl's linker keeps no lock while it calls back");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
