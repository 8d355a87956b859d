/* SPDX-License-Identifier: MIT */
/*
 * What a load costs in a directory full of others' files. It is compared with what it would cost to
 * ask the kernel about each file whether somebody uses it, measured in the same run.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "support/children.h"
#include "support/sandbox.h"
#include "support/shop.h"

#define FILES 3000
#define TRIES 5 /* another program may be given the CPU */

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A file that somebody uses is mapped, as an image is. */
static void map_file(int fd)
{
    check(mmap(NULL, 1, PROT_NONE, MAP_PRIVATE, fd, 0) != MAP_FAILED);
}

/* Files as a process that lives has them: the name has its id. To be freed. */
static char *fill(const char *directory, bool used)
{
    struct shop shop = shop_new();
    char *private;

    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, directory), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    private = strdup(first_entry_of(directory));
    for (int i = 0; i < FILES; i++) {
        char name[64];
        int fd;

        snprintf(name, sizeof(name), "busy.%d.00000001-%d.so", (int)getppid(), i);
        fd = open(path_in(private, name), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
        check(fd >= 0);
        if (used)
            map_file(fd);
        close(fd);
    }
    rst_provider_free(shop.provider);
    return private;
}

static double cost_of_asking(const char *private)
{
    DIR *stream = opendir(private);
    double start = seconds();
    struct dirent *entry;

    check(stream != NULL);
    while ((entry = readdir(stream))) {
        int fd = openat(dirfd(stream), entry->d_name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

        fcntl(fd, F_SETSIG, SIGURG);
        fcntl(fd, F_SETLEASE, F_WRLCK);
        fcntl(fd, F_SETLEASE, F_UNLCK);
        close(fd);
    }
    closedir(stream);
    return seconds() - start;
}

static double cost_of_a_load(const char *directory)
{
    rst_provider *provider = rst_provider_new("visitor");
    double start;

    check(rst_provider_add(provider, "probe", NULL) != NULL);
    check_equal(rst_provider_set_backing(provider, RST_BACKING_FILE, directory), 0);
    start = seconds();
    check_equal(rst_provider_load(provider), 0);
    start = seconds() - start;
    rst_provider_free(provider);
    return start;
}

static double least(double (*cost)(const char *), const char *directory)
{
    double best = cost(directory);

    for (int i = 1; i < TRIES; i++) {
        double next = cost(directory);

        best = next < best ? next : best;
    }
    return best;
}

static void a_further_load_of_a_process_looks_at_no_file(void **state)
{
    char *private = fill(*state, true);
    double asking = least(cost_of_asking, private);
    double load = least(cost_of_a_load, *state);

    if (load > asking / 10)
        check_failed(__FILE__, __LINE__, "a load takes %.6f s, to ask about each file %.6f s", load,
                     asking);
    free(private);
}

/* What children write to as well. */
static double *shared_double(void)
{
    void *memory =
        mmap(NULL, sizeof(double), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    check(memory != MAP_FAILED);
    return memory;
}

struct first_loads {
    const char *directory;
    double *cost;
};

static void load_first(void *data)
{
    struct first_loads *first = data;

    *first->cost = cost_of_a_load(first->directory);
}

/* As processes that are started one after the other do. */
static void the_first_load_of_a_process_asks_about_few(void **state)
{
    double asking, best, *cost = shared_double();
    struct first_loads first = {*state, cost};
    char *private;

    check_not_emulated("makes system calls slow");
    private = fill(*state, true);
    best = asking = least(cost_of_asking, private);
    for (int i = 0; i < TRIES; i++) {
        in_child(load_first, &first);
        best = *cost < best ? *cost : best;
    }
    if (best > asking / 4) /* most of what is left is to read the directory */
        check_failed(__FILE__, __LINE__, "a load takes %.6f s, to ask about each file %.6f s", best,
                     asking);
    free(private);
}

/* ------------------------------------------------------------ what must go all the same -- */

static void leave(const char *private, const char *name)
{
    int fd = open(path_in(private, name), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

    check(fd >= 0);
    close(fd);
}

static void visit(void *directory)
{
    cost_of_a_load(directory);
}

/* The id of a process that was killed may be another's by now. */
static void what_has_the_id_of_a_living_process_goes_in_time(void **state)
{
    char *private = fill(*state, false);
    char name[64];

    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof(name), "dead.%d.0000000%d-1.so", i ? 99999999 : (int)getpid(), i);
        leave(private, name);
    }
    assert_int_equal(entries_of(private), FILES + 2);
    in_child(visit, *state);
    assert_true(entries_of(private) <= FILES + 1);  /* the one that has no process, at once */
    assert_true(entries_of(private) >= FILES - 10); /* and of the others a few */
    for (int i = 0; i < 20; i++)
        in_child(visit, *state);
    assert_true(entries_of(private) <= FILES - 20);
    free(private);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(a_further_load_of_a_process_looks_at_no_file),
        WITH_DIRECTORY(the_first_load_of_a_process_asks_about_few),
        WITH_DIRECTORY(what_has_the_id_of_a_living_process_goes_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
