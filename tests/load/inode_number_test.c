/* SPDX-License-Identifier: MIT */
/*
 * bcc, and bpftrace before 0.25, find a memfd by the first descriptor of the process with its inode
 * number, of whatever file system. No such descriptor may come before a provider's memfd.
 *
 * Files get the numbers that memfds are about to get from a tmpfs of the test's own, which numbers
 * its files one after the other.
 */
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/children.h"
#include "support/close_range.h"
#include "support/sandbox.h"
#include "support/shop.h"

#define RIVALS 40        /* descriptors that have one of the next inode numbers each */
#define MOST 20000000ULL /* files to make, at most, to get there */

static ino_t number_of(int fd)
{
    struct stat status;

    check_equal(fstat(fd, &status), 0);
    return status.st_ino;
}

/* memfds are numbered by each CPU, some in a row. */
static void stay_on_one_cpu(void)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET((size_t)sched_getcpu(), &cpus);
    check_equal(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
}

static ino_t next_memfd_number(void)
{
    int fd = memfd_create("next", MFD_CLOEXEC);
    ino_t number;

    check(fd >= 0);
    number = number_of(fd) + 1;
    close(fd);
    return number;
}

static int new_file(const char *directory)
{
    char path[PATH_MAX];
    int fd;

    snprintf(path, sizeof(path), "%s/rival", directory);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    check(fd >= 0);
    check_equal(unlink(path), 0);
    return fd;
}

/* Use up numbers by files without names, which take the least time. */
static void use_up(const char *directory, ino_t count)
{
    for (; count > 0; count--) {
        int fd = open(directory, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

        check(fd >= 0);
        close(fd);
    }
}

/* Leave descriptors open that have the numbers of the next memfds. */
static void open_rivals(const char *directory)
{
    int fd = new_file(directory);
    ino_t first, number = number_of(fd);

    close(fd);
    do {
        first = next_memfd_number();
    } while (first <= number + 1); /* files are ahead of them, if this is not the first time */
    check_applies(first < MOST, "memfds have come too far for a file to get their number");
    if (number + RIVALS < first)
        use_up(directory, first - number - RIVALS);
    do {
        fd = new_file(directory);
        number = number_of(fd);
        if (number + 1 < first)
            close(fd);
    } while (number + 1 < first);
    check(number + 1 == first); /* it goes in ones */
    for (int i = 0; i < RIVALS; i++)
        new_file(directory);
    check(next_memfd_number() >= first);
}

static int fd_in(const char *path)
{
    return atoi(strrchr(path, '/') + 1);
}

static void check_comes_first(const rst_probe *probe)
{
    int memfd;

    check(rst_probe_path(probe) != NULL);
    memfd = fd_in(rst_probe_path(probe));
    for (int fd = 0; fd < memfd; fd++) {
        struct stat status;

        if (fstat(fd, &status) == 0 && status.st_ino == number_of(memfd))
            check_failed(__FILE__, __LINE__, "descriptor %d has inode number %ju, too", fd,
                         (uintmax_t)status.st_ino);
    }
}

static void a_load_makes_a_memfd_that_comes_first(const char *directory)
{
    struct shop shop;

    open_rivals(directory);
    shop = shop_loaded();
    check_comes_first(shop.order);
    check_traceable_if_allowed(shop);
    rst_provider_free(shop.provider);
}

static void so_does_one_that_makes_a_memfd_anew(const char *directory)
{
    struct shop shop = shop_loaded();
    char *path = strdup(rst_probe_path(shop.order));

    check_equal(close_range(3, UINT_MAX, 0), 0);
    open_rivals(directory);
    check(fcntl(fd_in(path), F_GETFD) >= 0); /* its number is a rival's now */
    check_equal(rst_provider_load(shop.provider), 0);
    check_comes_first(shop.order);
    check_traceable_if_allowed(shop);
    rst_provider_free(shop.provider);
    free(path);
}

/* One after the other, for where many memfds have been made, files take long to get there. */
static void load_among_rivals(void *directory)
{
    sandbox_mounts();
    sandbox_tmpfs(directory, 0, NULL);
    stay_on_one_cpu();
    a_load_makes_a_memfd_that_comes_first(directory);
    check_equal(close_range(3, UINT_MAX, 0), 0);
    so_does_one_that_makes_a_memfd_anew(directory);
}

static void a_memfd_comes_first(void **state)
{
    in_child(load_among_rivals, *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_memfd_comes_first, make_directory, remove_directory),
    };

    if (getenv("RST_EMULATOR")) {
        puts("skipped: an emulator takes too long to make so many files");
        return 77;
    }
    return cmocka_run_group_tests_name("inode_number", tests, NULL, NULL);
}
