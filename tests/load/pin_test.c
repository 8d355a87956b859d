/* SPDX-License-Identifier: MIT */
/*
 * The inode of the file that the dynamic linker has read is held until the library is closed, by
 * something that a program does not close with its descriptors: the next file to get that inode
 * would be taken for the library.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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
    return shop;
}

static ino_t inode_of(struct shop shop)
{
    struct stat status;

    check_equal(stat(rst_probe_path(shop.order), &status), 0);
    return status.st_ino;
}

static void close_all(void)
{
    check_equal(syscall(SYS_close_range, 3U, ~0U, 0U), 0);
}

/* Whether a mapping, which no tracer takes for code, holds the inode. */
static bool is_held(ino_t inode)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    bool held = false;
    char line[512];

    check(maps != NULL);
    while (fgets(line, sizeof(line), maps)) {
        unsigned long number = 0;
        char permissions[8];

        check_equal(sscanf(line, "%*s %7s %*s %*s %lu", permissions, &number), 2);
        if (number == inode) {
            check_text(permissions, "---p");
            held = true;
        }
    }
    fclose(maps);
    return held;
}

static void check_held_until_freed(struct shop shop, ino_t inode)
{
    check_equal(rst_provider_unload(shop.provider), 0);
    check(is_held(inode));
    close_all();
    check(is_held(inode));
    for (int i = 0; i < 2; i++) {
        rst_provider *other = rst_provider_new("other");

        check(rst_provider_add(other, "probe", NULL) != NULL);
        check_equal(rst_provider_load(other), 0);
        rst_provider_free(other);
    }
    check_equal(rst_provider_load(shop.provider), 0);
    shop_call(shop);
    check(inode_of(shop) != inode);
    check_equal(rst_provider_unload(shop.provider), 0);
    check(is_held(inode));
    rst_provider_free(shop.provider);
    check_equal(is_held(inode), !DLCLOSE_UNMAPS);
}

static void close_all_then_unload(void *directory)
{
    struct shop shop = shop_in(directory);
    ino_t inode = inode_of(shop);

    close_all();
    check_held_until_freed(shop, inode);
    check_equal(entries_of(directory), 0);
}

static void descriptors_closed_before_an_unload_lose_no_inode(void **state)
{
    in_child(close_all_then_unload, *state);
}

/* As a daemon: its parent, which loaded, has gone. */
static struct shop inherited;
static ino_t inherited_inode;

static void be_a_daemon(void *unused)
{
    (void)unused;
    child_pause();
    close_all();
    check_held_until_freed(inherited, inherited_inode);
}

static void leave_daemon(void *directory)
{
    inherited = shop_in(directory);
    inherited_inode = inode_of(inherited);
    child_pause();
    child_leave_orphan(_exit, be_a_daemon, NULL);
}

static void nor_does_a_daemon_that_closes_all(void **state)
{
    struct child child = child_start(leave_daemon, *state);

    child_await(&child);
    child_adopt_orphan(&child);
    child_await(&child);
    child_continue(&child);
    child_join(&child);
    assert_int_equal(entries_of(*state), 0);
}

/* Where a child still uses the file, what the parent holds must not count as use. */
static void use_file(void *unused)
{
    (void)unused;
    child_pause();
    exit(0);
}

static void the_last_to_go_removes_the_file(void **state)
{
    struct shop shop = shop_in(*state);
    struct child child = child_start(use_file, NULL);

    child_await(&child);
    assert_int_equal(rst_provider_unload(shop.provider), 0);
    assert_int_equal(entries_of(*state), 1);
    child_continue(&child);
    child_join(&child);
    assert_int_equal(entries_of(*state), 0);
    rst_provider_free(shop.provider);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(descriptors_closed_before_an_unload_lose_no_inode),
        WITH_DIRECTORY(nor_does_a_daemon_that_closes_all),
        WITH_DIRECTORY(the_last_to_go_removes_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
