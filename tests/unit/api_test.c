/* SPDX-License-Identifier: MIT */
/*
 * The public functions, without loading an image.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rst.h"

#define assert_refused(call, number, words)                                                        \
    do {                                                                                           \
        errno = 0;                                                                                 \
        assert_null(call);                                                                         \
        assert_int_equal(errno, number);                                                           \
        if (!strstr(rst_error(), words))                                                           \
            fail_msg(#call ": the message is: %s", rst_error());                                   \
    } while (0)

static rst_provider *new_provider(const char *name)
{
    rst_provider *provider = rst_provider_new(name);

    if (!provider)
        fail_msg("provider %s: %s", name, rst_error());
    return provider;
}

static rst_probe *add(rst_provider *provider, const char *name, const char *signature)
{
    rst_probe *probe = rst_provider_add(provider, name, signature);

    if (!probe)
        fail_msg("probe %s: %s", name, rst_error());
    return probe;
}

static void null_is_refused_or_harmless_everywhere(void **state)
{
    rst_provider *provider = new_provider("null");
    const uint64_t args[] = {1};

    (void)state;
    assert_refused(rst_provider_new(NULL), EINVAL, "provider name is NULL");
    assert_refused(rst_provider_add(NULL, "a", "int8"), EINVAL, "provider is NULL");
    assert_refused(rst_provider_add(provider, NULL, "int8"), EINVAL, "probe name is NULL");
    assert_int_equal(rst_provider_set_backing(NULL, RST_BACKING_AUTO, NULL), -EINVAL);
    assert_int_equal(rst_provider_load(NULL), -EINVAL);
    assert_int_equal(rst_provider_unload(NULL), -EINVAL);
    assert_non_null(strstr(rst_error(), "provider is NULL"));
    rst_provider_free(NULL);
    assert_null(rst_provider_name(NULL));
    assert_false(rst_provider_loaded(NULL));
    assert_false(rst_probe_enabled(NULL));
    rst_probe_fire(NULL, args, 1);
    rst_probe_fire(NULL, NULL, 0);
    assert_null(rst_probe_name(NULL));
    assert_null(rst_probe_signature(NULL));
    assert_null(rst_probe_path(NULL));
    assert_int_equal(*rst_probe_semaphore(NULL), 0);
    rst_probe_function(NULL)();
    rst_provider_free(provider);
}

static void freeing_leaves_errno_alone(void **state)
{
    rst_provider *provider = new_provider("errno");

    (void)state;
    add(provider, "a", NULL);
    errno = 42;
    rst_provider_free(provider);
    assert_int_equal(errno, 42);
    rst_provider_free(NULL);
    assert_int_equal(errno, 42);
}

static void malformed_names_and_signatures_are_refused(void **state)
{
    static const char longest[] = "p234567890123456789012345678901234567890123456789012345678";
    rst_provider *provider;
    char name[60], probe_name[RST_MAX_PROBE_NAME + 2];

    (void)state;
    assert_int_equal(strlen(longest), RST_MAX_PROVIDER_NAME);
    provider = new_provider(longest);
    assert_string_equal(rst_provider_name(provider), longest);
    strcpy(name, longest);
    strcat(name, "9");
    assert_refused(rst_provider_new(name), ENAMETOOLONG, name);
    assert_refused(rst_provider_new(""), EINVAL, "provider name \"\" is not a name");
    assert_refused(rst_provider_new("a:b"), EINVAL, "\"a:b\"");
    assert_refused(rst_provider_add(provider, "", NULL), EINVAL, "probe name \"\" is not a name");
    assert_refused(rst_provider_add(provider, "a b", NULL), EINVAL, "\"a b\"");
    assert_refused(rst_provider_add(provider, "a", "int46"), EINVAL, "\"int46\"");
    memset(probe_name, 'p', sizeof(probe_name));
    probe_name[RST_MAX_PROBE_NAME + 1] = '\0';
    assert_refused(rst_provider_add(provider, probe_name, NULL), ENAMETOOLONG,
                   "has 128 bytes; at most 127 are allowed");
    probe_name[RST_MAX_PROBE_NAME] = '\0';
    assert_string_equal(rst_probe_name(add(provider, probe_name, NULL)), probe_name);
    assert_refused(rst_provider_add(provider, "a",
                                    "bool,bool,bool,bool,bool,bool,bool,bool,bool,"
                                    "bool,bool,bool,bool"),
                   E2BIG, "12");
    rst_provider_free(provider);
}

static void names_and_signatures_are_copied(void **state)
{
    char name[] = "copied", probe_name[] = "probe", signature[] = " int8  a,string ";
    rst_provider *provider = new_provider(name);
    rst_probe *probe = add(provider, probe_name, signature);

    (void)state;
    memset(name, 'x', sizeof(name));
    memset(probe_name, 'x', sizeof(probe_name));
    memset(signature, 'x', sizeof(signature));
    assert_string_equal(rst_provider_name(provider), "copied");
    assert_string_equal(rst_probe_name(probe), "probe");
    assert_string_equal(rst_probe_signature(probe), "int8 a, string");
    rst_provider_free(provider);
}

static void no_arguments_are_an_empty_signature(void **state)
{
    rst_provider *provider = new_provider("empty");

    (void)state;
    assert_string_equal(rst_probe_signature(add(provider, "a", NULL)), "");
    assert_string_equal(rst_probe_signature(add(provider, "b", "")), "");
    assert_string_equal(rst_probe_signature(add(provider, "c", " \t")), "");
    rst_provider_free(provider);
}

static void a_probe_exists_once_in_a_process(void **state)
{
    rst_provider *one = new_provider("twice"), *two = new_provider("twice");
    rst_provider *other = new_provider("other");

    (void)state;
    add(one, "a", "int8");
    assert_refused(rst_provider_add(one, "a", "int8"), EEXIST, "\"twice:a\" exists already");
    assert_refused(rst_provider_add(one, "a", NULL), EEXIST, "give each its own name");
    assert_refused(rst_provider_add(two, "a", "int8"), EEXIST, "\"twice:a\" exists already");
    add(two, "b", NULL);
    assert_refused(rst_provider_add(one, "b", NULL), EEXIST, "\"twice:b\" exists already");
    add(other, "a", "int8");
    add(one, "A", "int8");
    rst_provider_free(one);
    rst_provider_free(two);
    rst_provider_free(other);
}

static void freeing_gives_names_back(void **state)
{
    rst_provider *one, *two;

    (void)state;
    for (int i = 0; i < 3; i++) {
        one = new_provider("again");
        two = new_provider("again");
        add(one, "a", NULL);
        add(two, "b", NULL);
        rst_provider_free(one);
        add(two, "a", NULL);
        assert_refused(rst_provider_add(two, "b", NULL), EEXIST, "\"again:b\"");
        rst_provider_free(two);
    }
}

static void a_refused_probe_takes_no_name(void **state)
{
    rst_provider *provider = new_provider("refused");

    (void)state;
    assert_refused(rst_provider_add(provider, "a", "nothing"), EINVAL, "\"nothing\"");
    add(provider, "a", NULL);
    rst_provider_free(provider);
}

/* So many that the registry of names grows. */
static void thousands_of_probes_are_told_apart(void **state)
{
    enum { PROVIDERS = 3, PROBES = 2000 };
    rst_provider *providers[PROVIDERS];
    rst_probe *probes[PROVIDERS][PROBES];
    char name[32];

    (void)state;
    for (size_t i = 0; i < PROVIDERS; i++) {
        snprintf(name, sizeof(name), "provider%zu", i);
        providers[i] = new_provider(name);
    }
    for (size_t i = 0; i < PROBES; i++)
        for (size_t j = 0; j < PROVIDERS; j++) {
            snprintf(name, sizeof(name), "p%zu", i);
            probes[j][i] = add(providers[j], name, "int8");
        }
    for (size_t i = 0; i < PROBES; i++)
        for (size_t j = 0; j < PROVIDERS; j++) {
            snprintf(name, sizeof(name), "p%zu", i);
            assert_string_equal(rst_probe_name(probes[j][i]), name);
            assert_refused(rst_provider_add(providers[j], name, NULL), EEXIST, name);
        }
    for (size_t j = 0; j < PROVIDERS; j++)
        rst_provider_free(providers[j]);
}

static uint64_t evaluate(unsigned *evaluated)
{
    return ++*evaluated;
}

typedef void all_arguments(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                           uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

/* Check a handle that was never loaded. */
static void assert_disabled(const rst_probe *probe)
{
    const uint64_t args[RST_MAX_ARGS + 1] = {0};
    all_arguments *function = (all_arguments *)rst_probe_function(probe);
    unsigned evaluated = 0;

    assert_false(rst_probe_enabled(probe));
    assert_false(RST_ENABLED(probe));
    assert_null(rst_probe_path(probe));
    assert_non_null(rst_probe_semaphore(probe));
    assert_int_equal(*rst_probe_semaphore(probe), 0);
    assert_non_null(function);
    function(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);

    RST_FIRE(probe);
    RST_FIRE(probe, evaluate(&evaluated));
    RST_FIRE(probe, evaluate(&evaluated), evaluate(&evaluated), evaluate(&evaluated));
    assert_int_equal(evaluated, 0);
    rst_probe_fire(probe, NULL, 0);
    for (size_t count = 0; count <= RST_MAX_ARGS + 1; count++)
        rst_probe_fire(probe, args, count);
}

static void a_probe_is_disabled_before_its_load(void **state)
{
    rst_provider *provider = new_provider("before");

    (void)state;
    assert_disabled(add(provider, "none", NULL));
    assert_disabled(add(provider, "one", "int8"));
    assert_disabled(add(provider, "most",
                        "int8,int8,int8,int8,int8,int8,int8,int8,int8,int8,int8,"
                        "int8"));
    assert_false(rst_provider_loaded(provider));
    rst_provider_free(provider);
}

static void unloading_what_is_not_loaded_does_nothing(void **state)
{
    rst_provider *provider = new_provider("unloaded");

    (void)state;
    assert_int_equal(rst_provider_unload(provider), 0);
    add(provider, "a", NULL);
    assert_int_equal(rst_provider_unload(provider), 0);
    assert_false(rst_provider_loaded(provider));
    rst_provider_free(provider);
}

static void rst_disable_makes_a_load_do_nothing(void **state)
{
    static const char *const values[] = {"1", "yes"};
    rst_provider *provider = new_provider("disabled");
    rst_probe *probe = add(provider, "a", "int8");

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_int_equal(setenv("RST_DISABLE", values[i], 1), 0);
        assert_int_equal(rst_provider_load(provider), 0);
        assert_false(rst_provider_loaded(provider));
        assert_disabled(probe);
    }
    assert_int_equal(setenv("RST_DISABLE", "1", 1), 0);
    assert_int_equal(setenv("RST_BACKING", "nonsense", 1), 0);
    assert_int_equal(rst_provider_load(provider), 0);
    unsetenv("RST_BACKING");
    unsetenv("RST_DISABLE");
    rst_provider_free(provider);
}

static void an_unknown_backing_is_refused(void **state)
{
    static const struct {
        int backing;
        const char *directory, *words;
    } rows[] = {
        {-1, NULL, "backing -1 is unknown"},
        {3, NULL, "RST_BACKING_FILE (2)"},
        {3, "/tmp", "backing 3 is unknown"},
        {RST_BACKING_FILE, "", "directory \"\" is not an absolute path"},
        {RST_BACKING_FILE, "tmp", "directory \"tmp\" is not an absolute path"},
        {RST_BACKING_AUTO, "./\n", "directory \"./\\x0a\" is not an absolute path"},
    };
    rst_provider *provider = new_provider("backing");

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        errno = 0;
        assert_int_equal(rst_provider_set_backing(provider, rows[i].backing, rows[i].directory),
                         -EINVAL);
        assert_int_equal(errno, EINVAL);
        if (!strstr(rst_error(), rows[i].words))
            fail_msg("row %zu: the message is: %s", i, rst_error());
    }
    for (int backing = RST_BACKING_AUTO; backing <= RST_BACKING_FILE; backing++) {
        assert_int_equal(rst_provider_set_backing(provider, backing, NULL), 0);
        assert_int_equal(rst_provider_set_backing(provider, backing, "/nowhere"), 0);
    }
    rst_provider_free(provider);
}

static void an_unknown_wish_for_a_backing_fails_the_load(void **state)
{
    static const char *const wishes[] = {"disk", "file:", "file:tmp", "memfd:", "MEMFD"};
    rst_provider *provider = new_provider("wish");
    rst_probe *probe = add(provider, "a", NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
        assert_int_equal(setenv("RST_BACKING", wishes[i], 1), 0);
#ifdef NO_LOADER
        assert_int_equal(rst_provider_load(provider), -ENOTSUP);
#else
        assert_int_equal(rst_provider_load(provider), -EINVAL);
        assert_non_null(strstr(rst_error(), "RST_BACKING"));
#endif
        assert_false(rst_provider_loaded(provider));
        assert_disabled(probe);
    }
    unsetenv("RST_BACKING");
    rst_provider_free(provider);
}

/* Programs that are compiled have these in them; the ABI's description has no values. */
_Static_assert(RST_BACKING_AUTO == 0 && RST_BACKING_MEMFD == 1 && RST_BACKING_FILE == 2,
               "the values of enum rst_backing_kind are a part of the ABI");

static void the_library_has_the_headers_version(void **state)
{
    char numbers[32];

    (void)state;
    assert_string_equal(rst_version(), RST_VERSION);
    assert_string_equal(rst_version(), PROJECT_VERSION);
    snprintf(numbers, sizeof(numbers), "%d.%d.%d", RST_VERSION_MAJOR, RST_VERSION_MINOR,
             RST_VERSION_PATCH);
    assert_string_equal(numbers, PROJECT_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_is_refused_or_harmless_everywhere),
        cmocka_unit_test(freeing_leaves_errno_alone),
        cmocka_unit_test(malformed_names_and_signatures_are_refused),
        cmocka_unit_test(names_and_signatures_are_copied),
        cmocka_unit_test(no_arguments_are_an_empty_signature),
        cmocka_unit_test(a_probe_exists_once_in_a_process),
        cmocka_unit_test(freeing_gives_names_back),
        cmocka_unit_test(a_refused_probe_takes_no_name),
        cmocka_unit_test(thousands_of_probes_are_told_apart),
        cmocka_unit_test(a_probe_is_disabled_before_its_load),
        cmocka_unit_test(unloading_what_is_not_loaded_does_nothing),
        cmocka_unit_test(rst_disable_makes_a_load_do_nothing),
        cmocka_unit_test(an_unknown_backing_is_refused),
        cmocka_unit_test(an_unknown_wish_for_a_backing_fails_the_load),
        cmocka_unit_test(the_library_has_the_headers_version),
    };

    return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
