/* SPDX-License-Identifier: MIT */
/*
 * The file backing where somebody else could exchange a directory on the way to the file: they
 * would choose what dlopen(3) runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/children.h"
#include "support/resources.h"
#include "support/sandbox.h"
#include "support/shop.h"

#define NOBODY 65534

static int load_in(struct shop shop, const char *directory)
{
    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, directory), 0);
    return rst_provider_load(shop.provider);
}

static void check_refused(const char *directory, const char *culprit, const char *why)
{
    struct resources before = resources_now();
    struct shop shop = shop_new();

    check_equal(load_in(shop, directory), -EPERM);
    check_mentions(rst_error(), culprit);
    check_mentions(rst_error(), why);
    check(rst_probe_path(shop.order) == NULL);
    rst_provider_free(shop.provider);
    check_equal(entries_of(directory), 0);
    assert_nothing_left(before, resources_now());
}

static void check_taken(const char *directory)
{
    struct shop shop = shop_new();

    check_equal(load_in(shop, directory), 0);
    check(exists(rst_probe_path(shop.order)));
    rst_provider_free(shop.provider);
    check_equal(entries_of(directory), 0);
}

static const char *make(const char *parent, const char *name, mode_t mode)
{
    const char *path = path_in(parent, name);

    check_equal(mkdir(path, 0700), 0);
    check_equal(chmod(path, mode), 0);
    return path;
}

static void a_directory_of_another_user_is_refused(void **state)
{
    const char *theirs = make(*state, "theirs", 0755), *below = make(theirs, "below", 0700);
    const char *deeper = make(below, "deeper", 0700);

    check_can(geteuid() == 0, "giving a directory away needs root");
    assert_int_equal(chown(theirs, NOBODY, NOBODY), 0);
    check_refused(deeper, "theirs\"", "belongs to user 65534");
    assert_int_equal(rmdir(deeper), 0);
    check_refused(below, "theirs\"", "belongs to user 65534");
    assert_int_equal(rmdir(below), 0);
    check_refused(theirs, "theirs\"", "belongs to user 65534");
}

static void a_directory_that_others_can_write_is_refused(void **state)
{
    const char *open = make(*state, "open", 0777), *below = make(open, "below", 0700);

    check_refused(below, "open\"", "mode 0777");
    assert_int_equal(chmod(open, 0770), 0);
    check_refused(below, "open\"", "mode 0770");
    assert_int_equal(chmod(open, 01777), 0); /* as /tmp is */
    check_taken(below);
    assert_int_equal(chmod(open, 0755), 0);
    check_taken(below);
}

/* Whoever owns the link says where it leads; the file's path must not go through it. */
static void the_path_goes_through_no_link(void **state)
{
    const char *real = make(*state, "real", 0700), *link = path_in(*state, "link");
    struct shop shop = shop_new();

    assert_int_equal(symlink(real, link), 0);
    assert_int_equal(load_in(shop, link), 0);
    check_mentions(rst_probe_path(shop.order), real);
    assert_int_equal(entries_of(real), 1);
    rst_provider_free(shop.provider);
    assert_int_equal(entries_of(real), 0);
}

static void a_directory_given_away_since_is_refused_at_the_next_load(void **state)
{
    const char *place;
    struct shop shop;

    check_can(geteuid() == 0, "giving a directory away needs root"); /* before there is a shop */
    place = make(*state, "place", 0755);
    shop = shop_new();
    assert_int_equal(load_in(shop, place), 0);
    assert_int_equal(rst_provider_unload(shop.provider), 0);
    assert_int_equal(chown(place, NOBODY, NOBODY), 0);
    assert_int_equal(rst_provider_load(shop.provider), -EPERM);
    check_mentions(rst_error(), "belongs to user 65534");
    assert_int_equal(chown(place, geteuid(), getegid()), 0);
    assert_int_equal(rst_provider_load(shop.provider), 0);
    rst_provider_free(shop.provider);
}

/* ------------------------------------------------------------- what dlopen(3) is given -- */

/* The name by which the dynamic linker was asked is kept in its list until the library is closed;
 * l_name, which librst sets, is the file's. */
static void the_linker_gets_the_checked_directorys_descriptor(void **state)
{
    struct shop shop = shop_new();
    char command[512];

    assert_int_equal(load_in(shop, *state), 0);
    assert_int_equal(libraries_of(rst_probe_path(shop.order)), 1);
    assert_int_equal(libraries_of("/proc/"), 0);
    snprintf(command, sizeof(command), "test -f '%s'", rst_probe_path(shop.order));
    assert_int_equal(system(command), 0);
    rst_provider_free(shop.provider);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(a_directory_of_another_user_is_refused),
        WITH_DIRECTORY(a_directory_that_others_can_write_is_refused),
        WITH_DIRECTORY(the_path_goes_through_no_link),
        WITH_DIRECTORY(a_directory_given_away_since_is_refused_at_the_next_load),
        WITH_DIRECTORY(the_linker_gets_the_checked_directorys_descriptor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
