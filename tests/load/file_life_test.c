/* SPDX-License-Identifier: MIT */
/*
 * The life of a backing's file: there while it is used, gone when the last that uses it is.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/children.h"
#include "support/resources.h"
#include "support/sandbox.h"
#include "support/shop.h"

static struct shop shop_in(const char *directory)
{
    struct shop shop = shop_new();

    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, directory), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    check(exists(rst_probe_path(shop.order)));
    return shop;
}

/* The number of files that are linked in `directory`'s private directory. */
static size_t files_in(const char *directory)
{
    return entries_of(directory) == 0 ? 0 : entries_of(first_entry_of(directory));
}

/* Have a provider of another name come by, which sweeps. */
static void visit(const char *directory)
{
    rst_provider *provider = rst_provider_new("visitor");

    check(rst_provider_add(provider, "visit", NULL) != NULL);
    check_equal(rst_provider_set_backing(provider, RST_BACKING_FILE, directory), 0);
    check_equal(rst_provider_load(provider), 0);
    rst_provider_free(provider);
}

static void the_file_is_there_while_loaded(void **state)
{
    struct resources before = resources_now();
    struct shop shop = shop_in(*state);
    char *path = strdup(rst_probe_path(shop.order));

    for (int cycle = 0; cycle < 3; cycle++) {
        assert_int_equal(rst_provider_unload(shop.provider), 0);
        assert_int_equal(entries_of(*state), 0);
        assert_int_equal(rst_provider_load(shop.provider), 0);
        assert_string_equal(rst_probe_path(shop.order), path);
        assert_int_equal(files_in(*state), 1);
    }
    rst_provider_free(shop.provider);
    assert_int_equal(entries_of(*state), 0);
    assert_nothing_left(before, resources_now());
    free(path);
}

static void providers_share_the_directory(void **state)
{
    struct shop shop = shop_in(*state);

    visit(*state);
    assert_int_equal(files_in(*state), 1);
    assert_true(exists(rst_probe_path(shop.order)));
    rst_provider_free(shop.provider);
    assert_int_equal(entries_of(*state), 0);
}

/* ---------------------------------------------------------------------- at the end -- */

static void exit_loaded(void *directory)
{
    shop_in(directory);
    exit(0); /* NOLINT(concurrency-mt-unsafe): that's what is tested */
}

static void exit_unloaded(void *directory)
{
    check_equal(rst_provider_unload(shop_in(directory).provider), 0);
    exit(0);
}

static void *exit_now(void *unused)
{
    (void)unused;
    exit(0);
}

static void exit_in_thread(void *directory)
{
    pthread_t thread;

    shop_in(directory);
    check_equal(pthread_create(&thread, NULL, exit_now, NULL), 0);
    pthread_join(thread, NULL); /* for ever */
}

static void the_file_goes_at_exit(void **state)
{
    in_child(exit_loaded, *state);
    assert_int_equal(entries_of(*state), 0);
    in_child(exit_unloaded, *state);
    assert_int_equal(entries_of(*state), 0);
}

static void the_file_goes_when_a_thread_exits_the_program(void **state)
{
    in_child(exit_in_thread, *state);
    assert_int_equal(entries_of(*state), 0);
}

/* ----------------------------------------------------------------------- the others -- */

static void load_and_pause(void *directory)
{
    struct shop shop = shop_in(directory);

    child_pause();
    rst_provider_free(shop.provider);
}

static void a_killed_processs_file_is_swept_and_a_living_ones_is_not(void **state)
{
    struct child living = child_start(load_and_pause, *state);
    struct child killed = child_start(load_and_pause, *state);

    child_await(&living);
    child_await(&killed);
    assert_int_equal(files_in(*state), 2);
    child_kill(&killed);
    assert_int_equal(files_in(*state), 2);
    visit(*state);
    assert_int_equal(files_in(*state), 1);
    child_continue(&living);
    child_join(&living);
    assert_int_equal(entries_of(*state), 0);
}

static void what_is_no_image_is_not_swept(void **state)
{
    struct shop shop = shop_in(*state);
    const char *private = first_entry_of(*state);
    const char *names[] = {"notes.txt", "shop.so.bak", ".so", "shop.so.1"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        int fd = open(path_in(private, names[i]), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        close(fd);
    }
    visit(*state);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_true(exists(path_in(private, names[i])));
    rst_provider_free(shop.provider);
    assert_int_equal(files_in(*state), 4);
}

/* What a child of the loading process does with what it got from it. */
static struct shop inherited;

static void use_and_exit(void *unused)
{
    (void)unused;
    child_pause();
    check(exists(rst_probe_path(inherited.order)));
    check_traceable_if_allowed(inherited);
    exit(0);
}

static void leave_user_and_end(void *directory)
{
    inherited = shop_in(directory);
    child_pause();
    child_leave_orphan(_exit, use_and_exit, NULL); /* with no exit handler, as the killed end */
}

static void leave_user_and_exit(void *directory)
{
    inherited = shop_in(directory);
    child_pause();
    child_leave_orphan(exit, use_and_exit, NULL);
}

/* The parent has ended, its child not. */
static void check_kept_until_the_child_exits(struct child child, const char *directory)
{
    child_await(&child);
    child_adopt_orphan(&child);
    child_await(&child);
    visit(directory);
    assert_int_equal(files_in(directory), 1);
    child_continue(&child);
    child_join(&child);
    assert_int_equal(entries_of(directory), 0);
}

static void a_childs_use_keeps_the_file_of_a_parent_that_ran_no_exit_handler(void **state)
{
    check_kept_until_the_child_exits(child_start(leave_user_and_end, *state), *state);
}

static void a_childs_use_keeps_the_file_of_a_parent_that_exited(void **state)
{
    check_kept_until_the_child_exits(child_start(leave_user_and_exit, *state), *state);
}

static void unload_inherited(void *unused)
{
    (void)unused;
    check_equal(rst_provider_unload(inherited.provider), 0);
    check(rst_probe_path(inherited.order) == NULL);
    rst_provider_free(inherited.provider);
}

static void a_child_that_unloads_leaves_the_parents_file(void **state)
{
    inherited = shop_in(*state);
    in_child(unload_inherited, NULL);
    assert_true(exists(rst_probe_path(inherited.order)));
    assert_int_equal(rst_provider_unload(inherited.provider), 0);
    assert_int_equal(entries_of(*state), 0);
    assert_int_equal(rst_provider_load(inherited.provider), 0);
    assert_int_equal(files_in(*state), 1);
    rst_provider_free(inherited.provider);
    assert_int_equal(entries_of(*state), 0);
}

/* ------------------------------------------------------------------ what goes wrong -- */

static void load_on_full(void *directory)
{
    const char *options[] = {"size=8k", "nr_inodes=2"};
    struct resources before;
    struct shop shop = shop_new();

    sandbox_mounts();
    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, directory), 0);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        sandbox_tmpfs(directory, 0, options[i]);
        before = resources_now();
        check_equal(rst_provider_load(shop.provider), -ENOSPC);
        check_mentions(rst_error(), "No space left on device");
        check_mentions(rst_error(), directory);
        check_equal(entries_of(directory), 0);
        assert_nothing_left(before, resources_now());
        check_equal(umount(directory), 0);
    }
    check_equal(rst_provider_load(shop.provider), 0);
    rst_provider_free(shop.provider);
}

static void a_full_file_system_is_an_error_that_leaves_nothing(void **state)
{
    in_child(load_on_full, *state);
}

static void after_a_tidy_up_a_load_brings_the_file_back(void **state)
{
    struct shop shop = shop_in(*state);
    const char *path = rst_probe_path(shop.order);
    const volatile uint32_t *semaphore = rst_probe_semaphore(shop.order);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(rst_provider_load(shop.provider), 0);
    assert_true(exists(rst_probe_path(shop.order)));
    assert_ptr_equal(rst_probe_semaphore(shop.order), semaphore);
    check_traceable_if_allowed(shop);

    assert_int_equal(unlink(path), 0); /* and the directory */
    assert_int_equal(rmdir(first_entry_of(*state)), 0);
    assert_int_equal(rst_provider_load(shop.provider), 0);
    assert_int_equal(files_in(*state), 1);
    rst_provider_free(shop.provider);
    assert_int_equal(entries_of(*state), 0);
}

static void anothers_file_of_that_name_is_not_removed(void **state)
{
    struct shop shop = shop_in(*state);
    char *path = strdup(rst_probe_path(shop.order));
    int fd;

    assert_int_equal(unlink(path), 0);
    fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    rst_provider_free(shop.provider);
    assert_true(exists(path));
    free(path);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(the_file_is_there_while_loaded),
        WITH_DIRECTORY(providers_share_the_directory),
        WITH_DIRECTORY(the_file_goes_at_exit),
        WITH_DIRECTORY(the_file_goes_when_a_thread_exits_the_program),
        WITH_DIRECTORY(a_killed_processs_file_is_swept_and_a_living_ones_is_not),
        WITH_DIRECTORY(what_is_no_image_is_not_swept),
        WITH_DIRECTORY(a_childs_use_keeps_the_file_of_a_parent_that_ran_no_exit_handler),
        WITH_DIRECTORY(a_childs_use_keeps_the_file_of_a_parent_that_exited),
        WITH_DIRECTORY(a_child_that_unloads_leaves_the_parents_file),
        WITH_DIRECTORY(a_full_file_system_is_an_error_that_leaves_nothing),
        WITH_DIRECTORY(after_a_tidy_up_a_load_brings_the_file_back),
        WITH_DIRECTORY(anothers_file_of_that_name_is_not_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
