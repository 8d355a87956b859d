/* SPDX-License-Identifier: MIT */
/*
 * How many files a load opens in a directory full of others' files: to ask the kernel about each
 * whether somebody uses it would take long. The kernel counts, by inotify.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/children.h"
#include "support/sandbox.h"
#include "support/shop.h"

#define FILES 3000
#define FEW 4 /* that one load asks about */

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

static void visit(void *directory)
{
    rst_provider *provider = rst_provider_new("visitor");

    check(rst_provider_add(provider, "probe", NULL) != NULL);
    check_equal(rst_provider_set_backing(provider, RST_BACKING_FILE, directory), 0);
    check_equal(rst_provider_load(provider), 0);
    rst_provider_free(provider);
}

/* A descriptor that counted_opens() takes. */
static int count_opens(const char *private)
{
    int events = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    check(events >= 0 && inotify_add_watch(events, private, IN_OPEN) >= 0);
    return events;
}

/* How often others' files were opened since then. */
static int counted_opens(int events)
{
    char buffer[1 << 16] __attribute__((aligned(__alignof__(struct inotify_event))));
    int count = 0;
    ssize_t length;

    while ((length = read(events, buffer, sizeof(buffer))) > 0)
        for (char *place = buffer; place < buffer + length;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)place;

            check(!(event->mask & IN_Q_OVERFLOW));
            count += event->len > 0 && strncmp(event->name, "busy.", strlen("busy.")) == 0;
            place += sizeof(*event) + event->len;
        }
    return count;
}

static void a_further_load_of_a_process_looks_at_no_file(void **state)
{
    char *private = fill(*state, true);
    int events = count_opens(private);

    visit(*state);
    check_equal(counted_opens(events), 0);
    close(open(first_entry_of(private), O_RDONLY | O_CLOEXEC));
    check_equal(counted_opens(events), 1); /* so they are counted */
    close(events);
    free(private);
}

/* As processes that are started one after the other do. */
static void the_first_load_of_a_process_asks_about_few(void **state)
{
    char *private = fill(*state, true);
    int events = count_opens(private);

    for (int i = 0; i < 5; i++) {
        in_child(visit, *state);
        check_equal(counted_opens(events), FEW);
    }
    close(events);
    free(private);
}

/* ------------------------------------------------------------ what must go all the same -- */

static void leave(const char *private, const char *name)
{
    int fd = open(path_in(private, name), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

    check(fd >= 0);
    close(fd);
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
