/* SPDX-License-Identifier: MIT */
/*
 * A name of a probe is taken as long as its provider lives, and no longer, however many others come
 * and go. What is right is kept in a plain table here.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rst.h"

enum { PROVIDERS = 6, NAMES = 400, STEPS = 60000 };

/* Providers 0 and 1 have the same name, so their probes have, too. */
static const char *const provider_names[PROVIDERS] = {"a", "a", "ab", "b", "bench", "_"};

static rst_provider *providers[PROVIDERS];
static int taken_by[PROVIDERS][NAMES]; /* by name of provider; 0: free, else 1 + the provider */

static uint32_t next_random(void)
{
    static uint32_t state = 2463534242u; /* xorshift */

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* The table of all providers with that name. */
static int *taken(int provider)
{
    return taken_by[provider == 1 ? 0 : provider];
}

static void renew(int provider)
{
    rst_provider_free(providers[provider]);
    for (int name = 0; name < NAMES; name++)
        if (taken(provider)[name] == 1 + provider)
            taken(provider)[name] = 0;
    providers[provider] = rst_provider_new(provider_names[provider]);
    assert_non_null(providers[provider]);
}

static void add(int provider, int number)
{
    char name[16];
    bool is_added;

    snprintf(name, sizeof(name), "p%d", number);
    is_added = rst_provider_add(providers[provider], name, NULL) != NULL;
    if (is_added == (taken(provider)[number] != 0))
        fail_msg("%s:%s was %s, and is %s", provider_names[provider], name,
                 is_added ? "taken" : "free", is_added ? "added again" : rst_error());
    if (is_added)
        taken(provider)[number] = 1 + provider;
    else
        assert_int_equal(errno, EEXIST);
}

static void a_name_is_taken_while_its_provider_lives(void **state)
{
    (void)state;
    for (int i = 0; i < PROVIDERS; i++)
        renew(i);
    for (int step = 0; step < STEPS; step++) {
        int provider = (int)(next_random() % PROVIDERS);

        if (next_random() % 1000 == 0)
            renew(provider);
        else
            add(provider, (int)(next_random() % NAMES));
    }
    for (int i = 0; i < PROVIDERS; i++)
        rst_provider_free(providers[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_taken_while_its_provider_lives),
    };

    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
