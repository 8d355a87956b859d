/* SPDX-License-Identifier: MIT */
/*
 * Threads that are cancelled (pthread_cancel(3)) amid librst's calls: the call is finished first,
 * and leaves nothing locked that a load, an exit or a fork would then wait for.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/children.h"
#include "support/sandbox.h"
#include "support/shop.h"

#define DEADLINE 25 /* seconds for a test; then SIGALRM ends its child */

/* More than the deadline allows if each waits, for a call of the linker that never ends. */
#define FORKS 40

struct plan {
    int backing;
    const char *directory;
};

static struct shop planned_shop(const struct plan *plan)
{
    struct shop shop = shop_new();

    check_equal(rst_provider_set_backing(shop.provider, plan->backing, plan->directory), 0);
    return shop;
}

static void fork_and_exit(void)
{
    pid_t pid = fork();
    int status;

    check(pid >= 0);
    if (pid == 0)
        _exit(EXIT_SUCCESS);
    check_equal(waitpid(pid, &status, 0), pid);
    check_equal(status, 0);
}

static void check_nothing_is_locked(const struct plan *plan)
{
    struct shop shop = planned_shop(plan);

    check_equal(rst_provider_load(shop.provider), 0);
    shop_fire(shop, 1);
    check_equal(rst_provider_unload(shop.provider), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    rst_provider_free(shop.provider);
    for (int i = 0; i < FORKS; i++)
        fork_and_exit();
    check(plan->backing != RST_BACKING_FILE || entries_of(plan->directory) == 0);
}

/* -------------------------------------------------------- cancelled before each call -- */

static int set_backing(rst_provider *provider)
{
    return rst_provider_set_backing(provider, RST_BACKING_AUTO, "/tmp") == -EBUSY ? 0 : -1;
}

static int free_it(rst_provider *provider)
{
    rst_provider_free(provider);
    return 0;
}

/* What follows each other in the life of a provider. */
static int (*const calls[])(rst_provider *provider) = {
    rst_provider_load,
    rst_provider_load,
    rst_provider_unload,
    rst_provider_unload,
    rst_provider_load,
    set_backing,
    free_it,
};

struct call {
    int (*call)(rst_provider *provider);
    rst_provider *provider;
    int result;
    bool returned;
};

/* The cancellation is acted upon at the first chance: the call must not be one, and what follows
 * it must. */
static void *call_cancelled(void *data)
{
    struct call *call = data;

    pthread_cancel(pthread_self());
    call->result = call->call(call->provider);
    call->returned = true;
    pthread_testcancel();
    return NULL;
}

static void cancel_each_call(void *data)
{
    const struct plan *plan = data;
    struct shop shop;

    alarm(DEADLINE);
    shop = planned_shop(plan);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct call call = {.call = calls[i], .provider = shop.provider};
        pthread_t thread;
        void *result;

        check_equal(pthread_create(&thread, NULL, call_cancelled, &call), 0);
        check_equal(pthread_join(thread, &result), 0);
        if (!call.returned || call.result != 0 || result != PTHREAD_CANCELED)
            check_failed(__FILE__, __LINE__, "call %zu %s, gave %d; its thread %s", i,
                         call.returned ? "returned" : "was cut off", call.result,
                         result == PTHREAD_CANCELED ? "was cancelled" : "was not cancelled");
    }
    check_nothing_is_locked(plan);
}

static void a_call_is_finished_before_its_thread_is_cancelled(void **state)
{
    struct plan memfd = {RST_BACKING_MEMFD, NULL};

    (void)state;
    in_child(cancel_each_call, &memfd);
}

static void a_call_for_a_file_is_finished_before_its_thread_is_cancelled(void **state)
{
    struct plan file = {RST_BACKING_FILE, *state};

    in_child(cancel_each_call, &file);
}

/* ------------------------------------------------------------- cancelled at any moment -- */

#define CANCELS 150
#define BUSY 2 /* threads; one of them cancelled */

struct busy {
    struct shop shop;
    atomic_uint rounds;
};

static void *load_and_unload(void *data)
{
    struct busy *busy = data;

    for (;;) {
        check_equal(rst_provider_load(busy->shop.provider), 0);
        check_equal(rst_provider_unload(busy->shop.provider), 0);
        atomic_fetch_add(&busy->rounds, 1);
        pthread_testcancel();
    }
    return NULL;
}

static bool has_begun(const void *data)
{
    return atomic_load(&((const struct busy *)data)->rounds) > 0;
}

static void cancel_at_any_moment(void *data)
{
    const struct plan *plan = data;

    alarm(DEADLINE);
    for (int i = 0; i < CANCELS; i++) {
        struct busy busy = {.shop = planned_shop(plan)};
        pthread_t threads[BUSY];

        for (size_t j = 0; j < BUSY; j++)
            check_equal(pthread_create(&threads[j], NULL, load_and_unload, &busy), 0);
        if (i % 3 > 0) /* every third amid its first load, likely */
            check(wait_until(has_begun, &busy));
        for (size_t j = 0; j < BUSY; j++)
            check_equal(pthread_cancel(threads[j]), 0);
        for (size_t j = 0; j < BUSY; j++)
            check_equal(pthread_join(threads[j], NULL), 0);
        check_equal(rst_provider_load(busy.shop.provider), 0);
        check(rst_probe_path(busy.shop.order) != NULL);
        rst_provider_free(busy.shop.provider);
    }
    check_nothing_is_locked(plan);
}

static void a_load_and_a_fork_work_after_threads_were_cancelled(void **state)
{
    struct plan memfd = {RST_BACKING_MEMFD, NULL};

    (void)state;
    in_child(cancel_at_any_moment, &memfd);
}

static void a_load_and_a_fork_work_after_threads_with_files_were_cancelled(void **state)
{
    struct plan file = {RST_BACKING_FILE, *state};

    in_child(cancel_at_any_moment, &file);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_finished_before_its_thread_is_cancelled),
        WITH_DIRECTORY(a_call_for_a_file_is_finished_before_its_thread_is_cancelled),
        cmocka_unit_test(a_load_and_a_fork_work_after_threads_were_cancelled),
        WITH_DIRECTORY(a_load_and_a_fork_work_after_threads_with_files_were_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
