/* SPDX-License-Identifier: MIT */
/*
 * A backing's file while something happens to what it is on, to its descriptors, or to those who
 * use it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/children.h"
#include "support/sandbox.h"
#include "support/shop.h"
#include "support/tracer.h"

/* The number of files in `directory`'s private directory. */
static size_t files_in(const char *directory)
{
    return entries_of(directory) == 0 ? 0 : entries_of(first_entry_of(directory));
}

static struct shop shop_in(const char *directory)
{
    struct shop shop = shop_new();

    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, directory), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    check_equal(files_in(directory), 1);
    return shop;
}

/* ------------------------------------------------------------- a full file system -- */

/* The file goes on growing until there is no room left. */
static void fill_up(const char *path)
{
    static const char bytes[4096] = "full";
    int fd = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);

    check(fd >= 0);
    while (write(fd, bytes, sizeof(bytes)) > 0)
        ;
    check_equal(errno, ENOSPC);
    close(fd);
}

/* All that a program does with a handle: none of it may need a page of the file system. */
static void use(struct shop shop)
{
    check(!RST_ENABLED(shop.order));
    check_equal(*rst_probe_semaphore(shop.order), 0);
    shop_fire(shop, 3);
    shop_call(shop);
}

/* An access to a page that can't be had ends the child by SIGBUS. */
static void use_on_full(void *directory)
{
    char backing[256];
    const char *filling = path_in(directory, "filling");
    struct shop shop;

    snprintf(backing, sizeof(backing), "file:%s", (const char *)directory);
    sandbox_mounts();
    sandbox_tmpfs(directory, 0, "size=256k");
    setenv("RST_BACKING", backing, 1);
    shop = shop_loaded();
    fill_up(filling);
    use(shop);
    check_equal(rst_provider_unload(shop.provider), 0);
    use(shop);

    fill_up(filling); /* what the unload has given back */
    check_equal(rst_provider_load(shop.provider), -ENOSPC);
    use(shop);
    check_equal(unlink(filling), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    fill_up(filling);
    use(shop);
    rst_provider_free(shop.provider);
    check_equal(entries_of(directory), 1); /* what filled it */
}

static void a_file_system_that_gets_full_later_kills_nobody(void **state)
{
    in_child(use_on_full, *state);
}

/* --------------------------------------------------------------- closed descriptors -- */

/* As daemons do. */
static void close_all_but(int tracer)
{
    for (int fd = 3; fd < 256; fd++)
        if (fd != tracer)
            close(fd);
}

static void load_more_with_descriptors_closed(void *directory)
{
    const volatile uint32_t *semaphore;
    struct shop shop;
    rst_probe *late;
    int tracer;

    check_can(!tracer_unavailable(), "it takes a tracer");
    shop = shop_in(directory);
    semaphore = rst_probe_semaphore(shop.order);
    tracer = shop_trace(shop);
    check_equal(*semaphore, 1);
    for (int cycle = 0; cycle < 2; cycle++) {
        close_all_but(tracer);
        late = rst_provider_add(shop.provider, cycle == 0 ? "late" : "later", NULL);
        check(late != NULL);
        check_equal(rst_provider_load(shop.provider), 0);
        check(rst_probe_path(late) != NULL);
        check(exists(rst_probe_path(shop.order)));
        check_equal(files_in(directory), 2 + cycle);
        check(rst_probe_semaphore(shop.order) == semaphore);
        check_equal(*semaphore, 1);
        shop_fire(shop, 2);
        check_equal(tracer_count(tracer), 2 * (cycle + 1));
    }
    close(tracer);
    check_equal(*semaphore, 0);
    rst_provider_free(shop.provider);
    check_equal(entries_of(directory), 0);
}

static void a_tracer_stays_attached_where_the_descriptors_were_closed(void **state)
{
    in_child(load_more_with_descriptors_closed, *state);
}

static void cycle_with_descriptors_closed(void *directory)
{
    struct shop shop = shop_in(directory);
    char *path = strdup(rst_probe_path(shop.order));

    for (int cycle = 0; cycle < 3; cycle++) {
        close_all_but(-1);
        check_equal(rst_provider_load(shop.provider), 0);
        check_text(rst_probe_path(shop.order), path); /* the same file, opened again */
        check_equal(files_in(directory), 1);
        close_all_but(-1);
        check_equal(rst_provider_unload(shop.provider), 0);
        check_equal(entries_of(directory), 0);
        check_equal(rst_provider_load(shop.provider), 0);
        check_equal(files_in(directory), 1);
    }
    close_all_but(-1);
    rst_provider_free(shop.provider);
    check_equal(entries_of(directory), 0);
    free(path);
}

static void a_file_with_its_descriptors_closed_goes_all_the_same(void **state)
{
    in_child(cycle_with_descriptors_closed, *state);
}

/* --------------------------------------------------------------- a child that uses it -- */

static void use_until_exec(void *unused)
{
    (void)unused;
    child_pause();
    execl("/bin/true", "true", (char *)NULL);
    check_failed(__FILE__, __LINE__, "execl: %s", strerror(errno));
}

static void use_until_exit(void *unused)
{
    (void)unused;
    child_pause();
}

static void a_file_that_a_child_used_goes_at_the_next_load(void **state)
{
    child_body *const bodies[] = {use_until_exec, use_until_exit};
    struct shop shop = shop_in(*state);

    for (size_t i = 0; i < 4; i++) {
        struct child child = child_start(bodies[i % 2], NULL);

        child_await(&child);
        assert_int_equal(rst_provider_unload(shop.provider), 0);
        assert_int_equal(files_in(*state), 1); /* the child's */
        child_continue(&child);
        child_join(&child);
        assert_int_equal(rst_provider_load(shop.provider), 0);
        assert_int_equal(files_in(*state), 1);
    }
    rst_provider_free(shop.provider);
    assert_int_equal(entries_of(*state), 0);
}

static void a_file_that_a_child_used_goes_though_its_provider_was_freed(void **state)
{
    struct shop shop = shop_in(*state);
    struct child child = child_start(use_until_exec, NULL);

    child_await(&child);
    rst_provider_free(shop.provider);
    assert_int_equal(files_in(*state), 1);
    child_continue(&child);
    child_join(&child);
    rst_provider_free(shop_in(*state).provider);
    assert_int_equal(entries_of(*state), 0);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(a_file_system_that_gets_full_later_kills_nobody),
        WITH_DIRECTORY(a_tracer_stays_attached_where_the_descriptors_were_closed),
        WITH_DIRECTORY(a_file_with_its_descriptors_closed_goes_all_the_same),
        WITH_DIRECTORY(a_file_that_a_child_used_goes_at_the_next_load),
        WITH_DIRECTORY(a_file_that_a_child_used_goes_though_its_provider_was_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
