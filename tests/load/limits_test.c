/* SPDX-License-Identifier: MIT */
/*
 * No harm: a program at its limits goes on, with a clear error and safe handles, and can load once
 * the limits are gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/children.h"
#include "support/resources.h"
#include "support/sandbox.h"
#include "support/shop.h"
#include "support/tracer.h"

#ifdef __GLIBC__ /* whose own type a resource is */
#define RESOURCE(which) ((__rlimit_resource_t)(which))
#else
#define RESOURCE(which) (which)
#endif

static void set_limit(int which, rlim_t value)
{
    struct rlimit limit;

    check_equal(getrlimit(RESOURCE(which), &limit), 0);
    limit.rlim_cur = value > limit.rlim_max ? limit.rlim_max : value;
    check_equal(setrlimit(RESOURCE(which), &limit), 0);
}

static rlim_t soft_limit(int which)
{
    struct rlimit limit;

    check_equal(getrlimit(RESOURCE(which), &limit), 0);
    return limit.rlim_cur;
}

static void check_safe(struct shop shop)
{
    const uint64_t args[] = {1};

    check(!rst_provider_loaded(shop.provider));
    check(rst_probe_path(shop.order) == NULL);
    check(!rst_probe_enabled(shop.order));
    shop_fire(shop, 10);
    rst_probe_fire(shop.order, args, 1);
    shop_call(shop);
}

/* Free of limits again, it loads and can be traced. */
static void check_recovers(struct shop shop)
{
    check_equal(rst_provider_load(shop.provider), 0);
    check(rst_provider_loaded(shop.provider));
    check_traceable_if_allowed(shop);
    rst_provider_free(shop.provider);
}

/* Once, so that what is allocated but once has been. */
static void warm_up(void)
{
    rst_provider_free(shop_loaded().provider);
    resources_now();
}

/* --------------------------------------------------------------------- descriptors -- */

#define ENOUGH 8 /* descriptors, for any load */

static void load_without_descriptors(void *data)
{
    rlim_t old = soft_limit(RLIMIT_NOFILE);
    struct resources before;
    struct shop shop;
    int next, spare;

    setenv("TMPDIR", data, 1);
    unsetenv("XDG_RUNTIME_DIR");
    warm_up();
    shop = shop_new();
    before = resources_now();
    next = dup(0);
    close(next);
    for (spare = 0; spare < ENOUGH; spare++) {
        set_limit(RLIMIT_NOFILE, (rlim_t)(next + spare));
        if (rst_provider_load(shop.provider) == 0)
            break;
        check_mentions(rst_error(), strerror(EMFILE));
        check_safe(shop);
        set_limit(RLIMIT_NOFILE, old);
        assert_nothing_left(before, resources_now());
        check_equal(entries_of(data), 0);
    }
    check(spare > 0 && spare < ENOUGH); /* none was too few */
    set_limit(RLIMIT_NOFILE, (rlim_t)next);
    check(rst_provider_load(shop.provider) < 0 || rst_provider_loaded(shop.provider));
    set_limit(RLIMIT_NOFILE, old);
    check_recovers(shop);
}

static void a_load_without_descriptors_fails_cleanly(void **state)
{
    in_child(load_without_descriptors, *state);
}

/* ------------------------------------------------------------------------- memory -- */

#define STEP ((size_t)64 * 1024)
#define STEPS 64

/* From no room at all to enough for everything, in steps. */
static void load_in_little_memory(void *data)
{
    rlim_t old = soft_limit(RLIMIT_AS);
    struct resources before;
    struct shop shop;
    int error = -1;

    setenv("TMPDIR", data, 1);
    unsetenv("XDG_RUNTIME_DIR");
    warm_up();
    shop = shop_new();
    before = resources_now();
    for (size_t step = 0; step < STEPS && error < 0; step++) {
        set_limit(RLIMIT_AS, before.address_space + step * STEP);
        error = rst_provider_load(shop.provider);
        if (error < 0) {
            check(rst_error()[0] != '\0');
            check_safe(shop);
        }
        set_limit(RLIMIT_AS, old);
        if (error < 0) {
            assert_nothing_left(before, resources_now());
            check_equal(entries_of(data), 0);
        }
        if (step == 0)
            check(error < 0);
    }
    check_equal(error, 0);
    check_recovers(shop);
}

static void a_load_in_too_little_memory_fails_cleanly(void **state)
{
    check_applies(!SANITIZED, "the sanitizer needs memory of its own");
    in_child(load_in_little_memory, *state);
}

static void unload_in_no_memory(void *unused)
{
    rlim_t old = soft_limit(RLIMIT_AS);
    struct resources before;
    struct shop shop;
    int tracer = -1;

    (void)unused;
    warm_up();
    shop = shop_loaded();
    if (!tracer_unavailable())
        tracer = shop_trace(shop);
    before = resources_now();
    set_limit(RLIMIT_AS, before.address_space);
    check_equal(rst_provider_unload(shop.provider), -ENOMEM);
    check_mentions(rst_error(), "mmap");
    check_safe(shop); /* disabled even so, and with a tracer attached */
    set_limit(RLIMIT_AS, old);
    assert_nothing_left(before, resources_now());
    close(tracer);
    check_recovers(shop);
}

static void an_unload_in_no_memory_disables_all_the_same(void **state)
{
    (void)state;
    check_applies(!SANITIZED, "the sanitizer needs memory of its own");
    in_child(unload_in_no_memory, NULL);
}

/* ---------------------------------------------------------------------- file size -- */

/* The kernel kills a program that writes beyond its limit. */
static void load_with_small_files(void *data)
{
    const rlim_t sizes[] = {0, 1, 4096, 65536};
    rlim_t old = soft_limit(RLIMIT_FSIZE);
    struct resources before;
    struct shop shop;

    setenv("TMPDIR", data, 1);
    unsetenv("XDG_RUNTIME_DIR");
    warm_up();
    shop = shop_new();
    before = resources_now();
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        set_limit(RLIMIT_FSIZE, sizes[i]);
        check_equal(rst_provider_load(shop.provider), -EFBIG);
        check_mentions(rst_error(), "RLIMIT_FSIZE");
        check_safe(shop);
        set_limit(RLIMIT_FSIZE, old);
        assert_nothing_left(before, resources_now());
        check_equal(entries_of(data), 0);
    }
    check_recovers(shop);
}

static void a_limit_of_file_sizes_kills_nobody(void **state)
{
    in_child(load_with_small_files, *state);
}

/* ------------------------------------------------------------------------- chroot -- */

static void load_in_chroot(void *data)
{
    int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct resources before;
    struct shop shop;

    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("TMPDIR");
    warm_up();
    shop = shop_new();
    before = resources_now();
    check_can(chroot(data) == 0, "chroot needs CAP_SYS_CHROOT");
    check_equal(chdir("/"), 0);
    check_equal(rst_provider_load(shop.provider), -ENOENT);
    check_mentions(rst_error(), "/proc");
    check_mentions(rst_error(), "\"/tmp\"");
    check_safe(shop);
    check_equal(entries_of("/"), 0);

    check_equal(fchdir(root), 0);
    check_equal(chroot("."), 0);
    assert_nothing_left(before, resources_now());
    check_recovers(shop);
}

static void a_load_in_an_empty_chroot_fails_cleanly(void **state)
{
    in_child(load_in_chroot, *state);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(a_load_without_descriptors_fails_cleanly),
        WITH_DIRECTORY(a_load_in_too_little_memory_fails_cleanly),
        cmocka_unit_test(an_unload_in_no_memory_disables_all_the_same),
        WITH_DIRECTORY(a_limit_of_file_sizes_kills_nobody),
        WITH_DIRECTORY(a_load_in_an_empty_chroot_fails_cleanly),
    };

    if (getenv("RST_EMULATOR")) {
        puts("skipped: an emulator sets no limits");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
