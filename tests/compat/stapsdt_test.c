/* SPDX-License-Identifier: MIT */
/*
 * libstapsdt's calls, on librst: what programs rely on, and what was wrong in libstapsdt. It uses
 * only what libstapsdt has too, so that it can also be run with that:
 *
 *     LD_LIBRARY_PATH=LIBSTAPSDT/out build/tests/compat/stapsdt_test
 */
#include <libstapsdt.h>

#define LAYOUT_STAPSDT
#include "layout.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seen.h"
#include "support/children.h"
#include "support/resources.h"
#include "support/tracer.h"

static SDTProvider_t *loaded_provider(const char *name, SDTProbe_t **ret)
{
    SDTProvider_t *provider = providerInit(name);

    *ret = providerAddProbe(provider, "order", 2, uint64, int32);
    check_equal(providerLoad(provider), 0);
    return provider;
}

/* The same, for a test that needs a tracer. */
static SDTProvider_t *provider_to_trace(const char *name, SDTProbe_t **ret)
{
    need_tracer();
    return loaded_provider(name, ret);
}

/* ------------------------------------------------------------------- what programs rely on -- */

static void fields_tell_what_programs_read(void **state)
{
    SDTProvider_t *provider = providerInit("shop");
    SDTProbe_t *probe = providerAddProbe(provider, "order", 3, uint64, int32, uint8);

    (void)state;
    check_text(provider->name, "shop");
    check(provider->error == NULL && provider->error_code == noError);
    check(provider->_handle == NULL && provider->_memfd == -1);
    check(&provider->probes->probe == probe && provider->probes->next == NULL);
    check_text(probe->name, "order");
    check_equal(probe->argCount, 3);
    check(probe->argFmt[0] == uint64 && probe->argFmt[1] == int32 && probe->argFmt[2] == uint8);
    check(probe->argFmt[3] == noarg && probe->argFmt[5] == noarg);
    check(probe->provider == provider && probe->_fire == NULL);

    check_equal(providerLoad(provider), 0);
    check(provider->_handle != NULL && probe->_fire != NULL && provider->_memfd > 2);
    check_mentions(provider->_filename, "/proc/");
    check_equal(providerUnload(provider), 0);
    check(provider->_handle == NULL && probe->_fire == NULL && provider->_memfd == -1);
    providerDestroy(provider);
}

static void a_probe_is_enabled_only_while_it_is_watched(void **state)
{
    SDTProbe_t *probe;
    SDTProvider_t *provider = provider_to_trace("shop", &probe);
    int tracer;

    (void)state;
    check_equal(probeIsEnabled(probe), 0);
    tracer = watch("shop", "order");
    check_equal(probeIsEnabled(probe), 1);
    for (int i = 0; i < 10; i++)
        probeFire(probe, (uint64_t)i, i);
    check_equal(tracer_count(tracer), 10);
    close(tracer);
    check_equal(probeIsEnabled(probe), 0);
    providerDestroy(provider);
}

static void the_note_has_the_declared_types(void **state)
{
    SDTProvider_t *provider = providerInit("types");
    struct seen seen;

    (void)state;
    providerAddProbe(provider, "small", 4, int8, uint8, int16, uint16);
    providerAddProbe(provider, "large", 4, int32, uint32, int64, uint64);
    check_equal(providerLoad(provider), 0);
    check_equal(see("types", "small", &seen), 1);
    check_mentions(seen.arguments, "-1@");
    check_text(seen.signature, "int8, uint8, int16, uint16");
    check(seen.semaphore != 0);
    check_equal(see("types", "large", &seen), 1);
    check_text(seen.signature, "int32, uint32, int64, uint64");
    providerDestroy(provider);
}

static void a_provider_without_probes_loads(void **state)
{
    SDTProvider_t *provider = providerInit("empty");

    (void)state;
    check_equal(providerLoad(provider), 0);
    check(provider->_handle != NULL);
    check_equal(providerUnload(provider), 0);
    check_equal(providerUnload(provider), 0);
    providerDestroy(provider);
}

static void rst_disable_is_heeded(void **state)
{
    SDTProbe_t *probe;
    SDTProvider_t *provider;

    (void)state;
    setenv("RST_DISABLE", "1", 1);
    provider = loaded_provider("shop", &probe);
    unsetenv("RST_DISABLE");
    check(provider->_handle != NULL && provider->_filename == NULL && provider->_memfd == -1);
    check_equal(see("shop", "order", NULL), 0);
    probeFire(probe, UINT64_C(1), 2);
    check_equal(probeIsEnabled(probe), 0);
    check_equal(providerUnload(provider), 0);
    providerDestroy(provider);
}

/* libstapsdt: what was handed out stays in memory that is unmapped, and a fire crashes. */
static void a_program_may_close_the_handle(void **state)
{
    SDTProbe_t *probe;
    SDTProvider_t *provider = loaded_provider("shop", &probe);

    (void)state;
    check_equal(dlclose(provider->_handle), 0);
    probeFire(probe, UINT64_C(1), 2);
    check_equal(providerUnload(provider), -1);
    check_equal(provider->error_code, sharedLibraryCloseError);
    check_mentions(provider->error, "closed its _handle");
    check_equal(providerUnload(provider), 0);
    check_equal(providerLoad(provider), 0);
    check_equal(providerUnload(provider), 0);
    providerDestroy(provider);
}

/* As ruby-static-tracing does before each unload. libstapsdt then leaves a file behind. */
static void a_program_may_write_the_filename(void **state)
{
    SDTProvider_t *provider = providerInit("shop");
    char path[256];

    (void)state;
    providerAddProbe(provider, "order", 0);
    check_equal(providerUseMemfd(provider, memfd_disabled), 1);
    for (int i = 0; i < 3; i++) {
        check_equal(providerLoad(provider), 0);
        snprintf(path, sizeof(path), "%s", provider->_filename);
        check_equal(access(path, R_OK), 0);
        provider->_filename = NULL;
        check_equal(providerUnload(provider), 0);
        check_equal(access(path, F_OK), -1);
    }
    providerDestroy(provider);
}

static void a_copy_of_a_probe_fires(void **state)
{
    SDTProbe_t *probe, copy;
    SDTProvider_t *provider = provider_to_trace("shop", &probe);
    int tracer;

    (void)state;
    copy = *probe;
    tracer = watch("shop", "order");
    check_equal(probeIsEnabled(&copy), 1);
    probeFire(&copy, UINT64_C(1), 2);
    check_equal(tracer_count(tracer), 1);
    close(tracer);
    check_equal(providerUnload(provider), 0);
    check_equal(probeIsEnabled(&copy), 0);
    providerDestroy(provider);
}

static void a_file_is_used_where_a_memfd_is_not_wanted(void **state)
{
    SDTProvider_t *provider = providerInit("shop");
    char path[256];

    (void)state;
    providerAddProbe(provider, "order", 0);
    check_equal(provider->_use_memfd, memfd_enabled);
    check_equal(providerUseMemfd(provider, memfd_disabled), 1);
    check_equal(providerLoad(provider), 0);
    check_equal(provider->_memfd, -1);
    snprintf(path, sizeof(path), "%s", provider->_filename);
    check_equal(access(path, R_OK), 0);
    check_equal(providerUseMemfd(provider, memfd_enabled), 0); /* while loaded */
    check_equal(providerUnload(provider), 0);
    check_equal(access(path, F_OK), -1);
    check_equal(providerUseMemfd(provider, memfd_enabled), 1);
    check_equal(providerLoad(provider), 0);
    check(provider->_memfd > 2);
    check_mentions(provider->_filename, "/proc/");
    providerDestroy(provider);
}

/* ----------------------------------------------------------- what was wrong in libstapsdt -- */

/* libstapsdt: from the seventh on, arguments overwrite the probe's own fields. */
static void seven_to_twelve_arguments_are_kept(void **state)
{
    SDTProvider_t *provider = providerInit("many");
    SDTProbe_t *seven =
        providerAddProbe(provider, "seven", 7, int8, int8, int8, int8, int8, int8, uint16);
    SDTProbe_t *twelve = providerAddProbe(provider, "twelve", 12, int8, int8, int8, int8, int8,
                                          int8, int8, int8, int8, int8, int8, uint64);
    struct seen seen;

    (void)state;
    check(seven->_fire == NULL && seven->provider == provider && seven->argCount == 7);
    check(twelve->provider == provider && twelve->argCount == 12);
    check_equal(providerLoad(provider), 0);
    check_equal(see("many", "seven", &seen), 1);
    check_text(seen.signature, "int8, int8, int8, int8, int8, int8, uint16");
    probeFire(twelve, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, UINT64_C(12)); /* unwatched */
    providerDestroy(provider);
}

/* A refused probe fires nothing, costs no other probe, and is told in words. */
static void check_refused(SDTProvider_t *provider, SDTProbe_t *refused, const char *words)
{
    check(refused != NULL);
    check_equal(provider->error_code, elfCreationError);
    check_mentions(provider->error, words);
    providerAddProbe(provider, "good", 0);
    check_equal(providerLoad(provider), -1);
    check_mentions(provider->error, words);
    check_equal(see(provider->name, "good", NULL), 1);
    check_equal(probeIsEnabled(refused), 0);
    probeFire(refused, 1, 2);
    check_equal(providerUnload(provider), 0);
    providerDestroy(provider);
}

static void thirteen_arguments_are_refused(void **state)
{
    SDTProvider_t *provider = providerInit("many");

    (void)state;
    check_refused(provider,
                  providerAddProbe(provider, "thirteen", 13, int8, int8, int8, int8, int8, int8,
                                   int8, int8, int8, int8, int8, int8, int8),
                  "probe \"thirteen\" has 13 arguments; 0 to 12 are allowed");
    provider = providerInit("fewer");
    check_refused(provider, providerAddProbe(provider, "order", -1), "has -1 arguments");
}

static void unknown_types_are_refused(void **state)
{
    SDTProvider_t *provider = providerInit("types");

    (void)state;
    check_refused(provider, providerAddProbe(provider, "order", 2, uint8, noarg),
                  "probe \"order\": argument 2 has type 0");
    provider = providerInit("types");
    check_refused(provider, providerAddProbe(provider, "order", 1, 3), "argument 1 has type 3");
}

/* libstapsdt: two sites, and both handles fire the same. */
static void a_duplicate_is_the_same_probe(void **state)
{
    SDTProbe_t *first, *second;
    SDTProvider_t *provider = provider_to_trace("shop", &first);
    int tracer;

    (void)state;
    second = providerAddProbe(provider, "order", 2, uint64, int32);
    check_equal(providerLoad(provider), 0);
    check_equal(see("shop", "order", NULL), 1);
    tracer = watch("shop", "order");
    probeFire(first, UINT64_C(1), 2);
    probeFire(second, UINT64_C(1), 2);
    check_equal(tracer_count(tracer), 2);
    close(tracer);
    providerDestroy(provider);
}

/* libstapsdt: the second's arguments are read with the first's types. */
static void a_duplicate_with_other_arguments_is_refused(void **state)
{
    SDTProvider_t *provider = providerInit("shop");

    (void)state;
    providerAddProbe(provider, "order", 1, uint64);
    check_refused(provider, providerAddProbe(provider, "order", 1, int8),
                  "probe \"shop:order\" exists already");
}

/* libstapsdt: crashes. */
static void names_may_be_null(void **state)
{
    SDTProvider_t *provider = providerInit(NULL);
    SDTProbe_t *probe;

    (void)state;
    check(provider != NULL);
    probe = providerAddProbe(provider, "order", 0);
    check_equal(providerLoad(provider), -1);
    check_equal(provider->error_code, tmpCreationError);
    check_mentions(provider->error, "provider's name is NULL");
    probeFire(probe);
    providerDestroy(provider);
    provider = providerInit("shop");
    check_refused(provider, providerAddProbe(provider, NULL, 0), "name is NULL");
}

/* libstapsdt: crashes. */
static void everything_takes_null(void **state)
{
    (void)state;
    check_equal(providerUseMemfd(NULL, memfd_disabled), 0);
    check(providerAddProbe(NULL, "order", 0) == NULL);
    check_equal(providerLoad(NULL), -1);
    check_equal(providerUnload(NULL), 0);
    providerDestroy(NULL);
    probeFire(NULL, 1, 2);
    check_equal(probeIsEnabled(NULL), 0);
}

static size_t descriptors(void)
{
    return resources_now().descriptors;
}

/* libstapsdt: each further load leaks a descriptor and a mapping. */
static void a_provider_may_be_loaded_twice(void **state)
{
    SDTProbe_t *probe;
    SDTProvider_t *provider = provider_to_trace("shop", &probe);
    size_t before = descriptors();
    int tracer;

    (void)state;
    tracer = watch("shop", "order");
    check_equal(providerLoad(provider), 0);
    check_equal(descriptors(), before + 1);
    probeFire(probe, UINT64_C(1), 2);
    check_equal(tracer_count(tracer), 1);
    close(tracer);
    providerDestroy(provider);
}

/* libstapsdt: nobody ever sees it unless all is loaded again, and then the first image leaks. */
static void a_probe_added_after_a_load_is_loaded_by_the_next(void **state)
{
    SDTProbe_t *probe, *refund;
    SDTProvider_t *provider = provider_to_trace("shop", &probe);
    int order, tracer;

    (void)state;
    order = watch("shop", "order");
    refund = providerAddProbe(provider, "refund", 1, int8);
    probeFire(refund, 1);
    check_equal(see("shop", "refund", NULL), 0);
    check_equal(providerLoad(provider), 0);
    tracer = watch("shop", "refund");
    probeFire(refund, 1);
    probeFire(probe, UINT64_C(1), 2);
    check_equal(tracer_count(tracer), 1);
    check_equal(tracer_count(order), 1); /* the first stays where it was */
    close(tracer);
    close(order);
    providerDestroy(provider);
}

/* libstapsdt: the constant for a seal is given as a flag, and nothing is sealed. */
static void the_memfd_is_sealed(void **state)
{
    SDTProbe_t *probe;
    SDTProvider_t *provider = loaded_provider("shop", &probe);
    int seals = fcntl(provider->_memfd, F_GET_SEALS);

    (void)state;
    check_equal(seals & (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL),
                F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    providerDestroy(provider);
}

/* libstapsdt: maps 2 MiB for each provider. */
static void a_provider_takes_little_address_space(void **state)
{
    SDTProbe_t *probe;
    SDTProvider_t *provider;
    struct resources before;

    (void)state;
    check_applies(!SANITIZED, "sanitizers map memory of their own");
    before = resources_now();
    provider = loaded_provider("shop", &probe);
    check(resources_now().address_space - before.address_space < 1 << 20);
    providerDestroy(provider);
}

/* libstapsdt: leaves the file, and the mapping. */
static void destroying_unloads(void **state)
{
    SDTProvider_t *provider = providerInit("shop");
    SDTProbe_t *probe;
    struct resources before;
    char path[256];

    (void)state;
    providerDestroy(loaded_provider("warm", &probe)); /* what stays for ever is there now */
    before = resources_now();
    providerAddProbe(provider, "order", 0);
    providerUseMemfd(provider, memfd_disabled);
    check_equal(providerLoad(provider), 0);
    snprintf(path, sizeof(path), "%s", provider->_filename);
    providerDestroy(provider);
    check_equal(access(path, F_OK), -1);
    providerDestroy(loaded_provider("shop", &probe));
    assert_nothing_left(before, resources_now());
}

static void many_cycles_leave_nothing(void **state)
{
    SDTProbe_t *probe;
    SDTProvider_t *provider = loaded_provider("shop", &probe);
    struct resources before = resources_now();

    (void)state;
    for (int i = 0; i < 200; i++) {
        check_equal(providerUnload(provider), 0);
        check_equal(see("shop", "order", NULL), 0);
        probeFire(probe, UINT64_C(1), 2);
        check_equal(providerLoad(provider), 0);
        check_equal(see("shop", "order", NULL), 1);
    }
    assert_nothing_left(before, resources_now());
    providerDestroy(provider);
}

/* ---------------------------------------------------------------------------------- names -- */

static void names_that_are_no_identifiers_are_mapped(void **state)
{
    static const struct {
        const char *provider, *probe, *seen_provider, *seen_probe;
    } names[] = {
        {"test-error", "log-info", "test__error", "log__info"},
        {"My::App", "GET /orders", "My__App", "GET__orders"},
        {"42", "0arg", "_42", "_0arg"},
        {"caf\xc3\xa9", "a.b", "caf__", "a_b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        SDTProvider_t *provider = providerInit(names[i].provider);
        SDTProbe_t *probe = providerAddProbe(provider, names[i].probe, 0);

        check_equal(providerLoad(provider), 0);
        check_text(provider->name, names[i].provider);
        check_text(probe->name, names[i].probe);
        check_equal(see(names[i].seen_provider, names[i].seen_probe, NULL), 1);
        providerDestroy(provider);
    }
}

static void names_that_are_too_long_are_told(void **state)
{
    char name[200];
    SDTProvider_t *provider;

    (void)state;
    memset(name, 'a', sizeof(name));
    name[59] = '\0';
    provider = providerInit(name);
    check_equal(providerLoad(provider), -1);
    check_equal(provider->error_code, tmpCreationError);
    check_mentions(provider->error, "59 bytes; at most 58 are allowed");
    providerDestroy(provider);
    name[59] = 'a';
    name[128] = '\0';
    provider = providerInit("shop");
    check_refused(provider, providerAddProbe(provider, name, 0), "128 bytes; at most 127");
    provider = providerInit("");
    check_equal(providerLoad(provider), -1);
    providerDestroy(provider);
}

/* In libstapsdt they are two images with one name each, and a tracer attaches to both. */
static void providers_of_one_name_share_their_probes(void **state)
{
    SDTProbe_t *first, *second;
    SDTProvider_t *one = provider_to_trace("shop", &first),
                  *other = loaded_provider("shop", &second);
    int tracer;

    (void)state;
    check_equal(see("shop", "order", NULL), 1);
    tracer = watch("shop", "order");
    probeFire(first, UINT64_C(1), 2);
    probeFire(second, UINT64_C(1), 2);
    check_equal(tracer_count(tracer), 2);
    check_equal(providerUnload(one), 0);
    probeFire(first, UINT64_C(1), 2); /* it is unloaded: not seen */
    probeFire(second, UINT64_C(1), 2);
    check_equal(tracer_count(tracer), 3);
    providerDestroy(one);
    one = loaded_provider("shop", &first); /* a new one has the probe again */
    probeFire(first, UINT64_C(1), 2);
    check_equal(tracer_count(tracer), 4);
    providerDestroy(one);
    check_equal(see("shop", "order", NULL), 1);
    providerDestroy(other);
    check_equal(see("shop", "order", NULL), 0);
    close(tracer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_tell_what_programs_read),
        cmocka_unit_test(a_probe_is_enabled_only_while_it_is_watched),
        cmocka_unit_test(the_note_has_the_declared_types),
        cmocka_unit_test(a_provider_without_probes_loads),
        cmocka_unit_test(rst_disable_is_heeded),
        cmocka_unit_test(a_program_may_close_the_handle),
        cmocka_unit_test(a_program_may_write_the_filename),
        cmocka_unit_test(a_copy_of_a_probe_fires),
        cmocka_unit_test(a_file_is_used_where_a_memfd_is_not_wanted),
        cmocka_unit_test(seven_to_twelve_arguments_are_kept),
        cmocka_unit_test(thirteen_arguments_are_refused),
        cmocka_unit_test(unknown_types_are_refused),
        cmocka_unit_test(a_duplicate_is_the_same_probe),
        cmocka_unit_test(a_duplicate_with_other_arguments_is_refused),
        cmocka_unit_test(names_may_be_null),
        cmocka_unit_test(everything_takes_null),
        cmocka_unit_test(a_provider_may_be_loaded_twice),
        cmocka_unit_test(a_probe_added_after_a_load_is_loaded_by_the_next),
        cmocka_unit_test(the_memfd_is_sealed),
        cmocka_unit_test(a_provider_takes_little_address_space),
        cmocka_unit_test(destroying_unloads),
        cmocka_unit_test(many_cycles_leave_nothing),
        cmocka_unit_test(names_that_are_no_identifiers_are_mapped),
        cmocka_unit_test(names_that_are_too_long_are_told),
        cmocka_unit_test(providers_of_one_name_share_their_probes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
