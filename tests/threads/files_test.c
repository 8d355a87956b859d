/* SPDX-License-Identifier: MIT */
/*
 * Threads whose providers have their files in one directory, which comes and goes with them: a
 * program that exits amid their loads leaves no file behind.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "support/children.h"
#include "support/resources.h"
#include "support/sandbox.h"

#define THREADS 3
#define EXITS 15

struct worker {
    const char *directory;
    int number;
    bool free;
};

static atomic_bool ending;
static struct worker workers[THREADS];

static atomic_uint loads;

/* Each provider has a file of its own. When the program exits, a load may be refused. */
static void load_one(const struct worker *worker, unsigned number)
{
    char name[64];
    rst_provider *provider;

    snprintf(name, sizeof(name), "shop_%d_%u", worker->number, number);
    provider = rst_provider_new(name);
    check(rst_provider_add(provider, "order", NULL) != NULL);
    check_equal(rst_provider_set_backing(provider, RST_BACKING_FILE, worker->directory), 0);
    if (rst_provider_load(provider) < 0 && !atomic_load(&ending))
        check_failed(__FILE__, __LINE__, "a load before the exit failed: %s", rst_error());
    atomic_fetch_add(&loads, 1);
    if (worker->free || number % 2 == 0)
        rst_provider_free(provider);
}

static void *load_in_a_loop(void *data)
{
    for (unsigned number = 0;; number++)
        load_one(data, number);
    return NULL;
}

static bool some_loaded(const void *wanted)
{
    return atomic_load(&loads) >= *(const unsigned *)wanted;
}

static void exit_amid_loads(void *data)
{
    const unsigned wanted = *(unsigned *)data;

    alarm(20);
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;

        check_equal(pthread_create(&thread, NULL, load_in_a_loop, &workers[i]), 0);
    }
    check(wait_until(some_loaded, &wanted));
    atomic_store(&ending, true);
    exit(EXIT_SUCCESS); /* NOLINT(concurrency-mt-unsafe): that's what is tested */
}

static void an_exit_amid_loads_leaves_no_file(void **state)
{
    for (unsigned i = 0; i < EXITS; i++) {
        for (int j = 0; j < THREADS; j++)
            workers[j] = (struct worker){*state, j, j == 0};
        in_child(exit_amid_loads, &i);
        if (entries_of(*state) != 0)
            check_failed(__FILE__, __LINE__, "exit %u left %zu files, one of them %s", i,
                         entries_of(first_entry_of(*state)),
                         first_entry_of(first_entry_of(*state)));
    }
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(an_exit_amid_loads_leaves_no_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
