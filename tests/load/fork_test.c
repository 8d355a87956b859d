/* SPDX-License-Identifier: MIT */
/*
 * Forks: the child's probes are its own, and work like the parent's.
 */
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/children.h"
#include "support/resources.h"
#include "support/shop.h"
#include "support/tracer.h"

extern char **environ;

#define HANDLERS "handlers" /* the argument with which this program tests just that */

static int pid_in(const char *path)
{
    int pid = -1;

    check_equal(sscanf(path, "/proc/%d/fd/", &pid), 1);
    return pid;
}

/* -------------------------------------------------------------------------- the path -- */

struct given_out {
    struct shop shop;
    const char *path; /* before the fork */
};

static void check_paths_in_child(void *data)
{
    const struct given_out *given = data;
    const char *path = rst_probe_path(given->shop.order);

    check_equal(pid_in(path), getpid());
    check_equal(pid_in(given->path), getpid());
    check_equal(access(path, R_OK), 0);
    check_equal(libraries_of(path), 1);
}

static void check_paths_and_fork_again(void *data)
{
    check_paths_in_child(data);
    in_child(check_paths_in_child, data);
    check_paths_in_child(data);
}

static void a_childs_path_names_the_child(void **state)
{
    struct given_out given = {shop_loaded(), NULL};

    (void)state;
    given.path = rst_probe_path(given.shop.order);
    in_child(check_paths_and_fork_again, &given);
    assert_int_equal(pid_in(given.path), getpid());
    assert_int_equal(pid_in(rst_probe_path(given.shop.order)), getpid());
    rst_provider_free(given.shop.provider);
}

/* --------------------------------------------------------------------------- firing -- */

static void fire_in_child(void *data)
{
    shop_fire(*(struct shop *)data, 100);
}

static void fire_in_child_and_grandchild(void *data)
{
    fire_in_child(data);
    in_child(fire_in_child, data);
    fire_in_child(data);
}

static void untraced_children_fire_in_peace(void **state)
{
    struct shop shop = shop_loaded();

    (void)state;
    in_child(fire_in_child_and_grandchild, &shop);
    assert_false(rst_probe_enabled(shop.order));
    rst_provider_free(shop.provider);
}

static void a_tracer_of_every_process_sees_child_and_grandchild(void **state)
{
    struct shop shop = shop_to_trace();
    struct tracers tracers;

    (void)state;
    tracers = tracers_attach_everywhere(shop.order, "shop");
    shop_fire(shop, 10);
    assert_int_equal(tracers_count(&tracers), 10);
    in_child(fire_in_child_and_grandchild, &shop);
    assert_int_equal(tracers_count(&tracers), 310);
    shop_fire(shop, 10);
    assert_int_equal(tracers_count(&tracers), 320);
    tracers_detach(&tracers);
    assert_int_equal(*rst_probe_semaphore(shop.order), 0);
    rst_provider_free(shop.provider);
}

static void see_semaphore_fall(void *data)
{
    struct shop shop = *(struct shop *)data;

    check_equal(*rst_probe_semaphore(shop.order), 1); /* copied, breakpoint and all */
    shop_fire(shop, 1);
    check_equal(*rst_probe_semaphore(shop.order), 0); /* at the first hit the kernel sees whose */
    shop_fire(shop, 1);
    check_traceable(shop);
}

static void a_tracer_of_the_parent_alone_leaves_the_child_at_its_first_hit(void **state)
{
    struct shop shop = shop_to_trace();
    int tracer;

    (void)state;
    tracer = shop_trace(shop);
    shop_fire(shop, 1);
    in_child(see_semaphore_fall, &shop);
    assert_int_equal(*rst_probe_semaphore(shop.order), 1);
    shop_fire(shop, 1);
    assert_int_equal(tracer_count(tracer), 2);
    close(tracer);
    assert_int_equal(*rst_probe_semaphore(shop.order), 0);
    rst_provider_free(shop.provider);
}

struct traced {
    struct shop shop;
    struct tracers tracers;
};

static void fire_and_see_tracer_leave(void *data)
{
    struct traced *traced = data;

    tracers_detach(&traced->tracers); /* its copies of the descriptors */
    shop_fire(traced->shop, 5);
    check(rst_probe_enabled(traced->shop.order));
    child_pause();
    check_equal(*rst_probe_semaphore(traced->shop.order), 0);
}

static void a_tracer_that_leaves_leaves_the_child_too(void **state)
{
    struct traced traced = {.shop = shop_to_trace()};
    struct child child;

    (void)state;
    traced.tracers = tracers_attach_everywhere(traced.shop.order, "shop");
    child = child_start(fire_and_see_tracer_leave, &traced);
    child_await(&child);
    assert_int_equal(tracers_count(&traced.tracers), 5);
    tracers_detach(&traced.tracers);
    assert_int_equal(*rst_probe_semaphore(traced.shop.order), 0);
    child_continue(&child);
    child_join(&child);
    rst_provider_free(traced.shop.provider);
}

/* ---------------------------------------------------------------- with the parent gone -- */

static void be_traced_as_orphan(void *data)
{
    struct shop shop = *(struct shop *)data;

    child_pause();
    check_equal(pid_in(rst_probe_path(shop.order)), getpid());
    check_traceable(shop);
    check_equal(rst_provider_unload(shop.provider), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    check_traceable(shop);
    rst_provider_free(shop.provider);
}

static void a_child_works_with_its_parent_gone(void **state)
{
    (void)state;
    need_tracer();
    shop_in_orphan(be_traced_as_orphan);
}

/* ------------------------------------------------------------------ the child's own life -- */

static void live_in_child(void *data)
{
    struct shop shop = *(struct shop *)data;
    rst_probe *added;

    check_equal(rst_provider_unload(shop.provider), 0);
    check(!rst_probe_enabled(shop.order));
    check_equal(rst_provider_load(shop.provider), 0);
    added = rst_provider_add(shop.provider, "childs", NULL);
    check(added != NULL);
    check_equal(rst_provider_load(shop.provider), 0);
    check_equal(pid_in(rst_probe_path(added)), getpid());
    check_equal(pid_in(rst_probe_path(shop.order)), getpid());
    check_traceable(shop);
    rst_provider_free(shop.provider);
    shop = shop_loaded();
    check_traceable(shop);
    rst_provider_free(shop.provider);
}

static void what_a_child_does_leaves_the_parent_alone(void **state)
{
    struct shop shop = shop_to_trace();
    const volatile uint32_t *semaphore = rst_probe_semaphore(shop.order);
    int tracer;

    (void)state;
    tracer = shop_trace(shop);
    shop_fire(shop, 3);
    in_child(live_in_child, &shop);
    assert_int_equal(*semaphore, 1);
    shop_fire(shop, 3);
    assert_int_equal(tracer_count(tracer), 6);
    assert_non_null(rst_provider_add(shop.provider, "childs", NULL)); /* not there in the parent */
    close(tracer);
    rst_provider_free(shop.provider);
}

static void what_a_parent_does_leaves_the_child_alone(void **state)
{
    struct shop shop = shop_to_trace();
    struct child child;

    (void)state;
    child = child_start(be_traced_as_orphan, &shop);
    child_await(&child);
    rst_provider_free(shop.provider);
    child_continue(&child);
    child_join(&child);
}

/* ------------------------------------------------------------------ not quite forks -- */

static void other_ways_to_start_a_program_disturb_nothing(void **state)
{
    struct resources before = resources_now();
    struct shop shop = shop_to_trace();
    char *arguments[] = {(char[]){"true"}, NULL};
    int tracer, status;
    FILE *stream;
    pid_t pid;

    (void)state;
    tracer = shop_trace(shop);
    shop_fire(shop, 1);
    assert_int_equal(system("true"), 0);
    shop_fire(shop, 1);
    stream = popen("true", "re");
    assert_non_null(stream);
    assert_int_equal(pclose(stream), 0);
    shop_fire(shop, 1);
    assert_int_equal(posix_spawnp(&pid, "true", NULL, NULL, arguments, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    shop_fire(shop, 1);
    assert_int_equal(tracer_count(tracer), 4);
    assert_int_equal(*rst_probe_semaphore(shop.order), 1);
    close(tracer);
    rst_provider_free(shop.provider);
    assert_nothing_left(before, resources_now());
}

/* ---------------------------------------------------- the program's own fork handlers -- */

static struct shop handled;
static unsigned handler_calls;

/* Registered before librst's own handlers, it is called while they have the lock. */
static void call_librst(void)
{
    char name[] = "added0";

    name[5] += (char)handler_calls;
    check(rst_provider_add(handled.provider, name, "") != NULL);
    check(rst_probe_path(handled.order) != NULL);
    shop_fire(handled, 1);
    handler_calls++;
}

static void fork_with_handlers(void)
{
    int status;
    pid_t child;

    check_equal(pthread_atfork(call_librst, call_librst, call_librst), 0);
    handled = shop_loaded();
    child = fork();
    if (child == 0)
        _exit(handler_calls == 2 ? 0 : 1); /* before the fork, and in the child */
    check_equal(waitpid(child, &status, 0), child);
    check_equal(status, 0);
    check_equal(handler_calls, 2);
    rst_provider_free(handled.provider);
}

/* In a process that has made no provider yet, and so has no handlers of librst's. */
static void own_fork_handlers_may_call_librst(void **state)
{
    char program[4096] = "", argument[] = HANDLERS;
    char *const words[] = {program, argument, NULL};
    int status;
    pid_t child;

    (void)state;
    check_not_emulated("runs no foreign program for another one");
    assert_true(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
    assert_int_equal(posix_spawn(&child, program, NULL, NULL, words, environ), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_fork_handlers_may_call_librst),
        cmocka_unit_test(a_childs_path_names_the_child),
        cmocka_unit_test(untraced_children_fire_in_peace),
        cmocka_unit_test(a_tracer_of_every_process_sees_child_and_grandchild),
        cmocka_unit_test(a_tracer_of_the_parent_alone_leaves_the_child_at_its_first_hit),
        cmocka_unit_test(a_tracer_that_leaves_leaves_the_child_too),
        cmocka_unit_test(a_child_works_with_its_parent_gone),
        cmocka_unit_test(what_a_child_does_leaves_the_parent_alone),
        cmocka_unit_test(what_a_parent_does_leaves_the_child_alone),
        cmocka_unit_test(other_ways_to_start_a_program_disturb_nothing),
    };

    if (argc == 2 && strcmp(argv[1], HANDLERS) == 0) {
        fork_with_handlers();
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
