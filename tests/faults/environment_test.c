/* SPDX-License-Identifier: MIT */
/*
 * What the environment may do to a load: forbid it, ask for what can't be had, or lack /proc.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rst.h"
#include "support/resources.h"
#include "support/tracer.h"

static rst_provider *provider;
static rst_probe *probe;
static const char *untraceable; /* why; asked while there is /proc */

static int set_up(void **state)
{
    (void)state;
    unsetenv("RST_DISABLE");
    unsetenv("RST_BACKING");
    unsetenv("RST_NOP");
    provider = rst_provider_new("surroundings");
    probe = rst_provider_add(provider, "probe", "uint64 id");
    return provider && probe ? 0 : -1;
}

static int tear_down(void **state)
{
    rst_provider_free(provider);
    unsetenv("RST_DISABLE");
    unsetenv("RST_BACKING");
    unsetenv("RST_NOP");
    (void)state;
    return 0;
}

static void assert_disabled(void)
{
    const uint64_t id = 1;

    assert_false(RST_ENABLED(probe));
    assert_false(rst_probe_enabled(probe));
    assert_null(rst_probe_path(probe));
    assert_false(rst_provider_loaded(provider));
    RST_FIRE(probe, 1);
    rst_probe_fire(probe, &id, 1);
    ((void (*)(uint64_t))(uintptr_t)rst_probe_function(probe))(1);
}

static void assert_says(const char *words)
{
    if (!strstr(rst_error(), words))
        fail_msg("the error does not say \"%s\": \"%s\"", words, rst_error());
}

static void assert_loads_at_last(void)
{
    assert_int_equal(rst_provider_load(provider), 0);
    assert_non_null(rst_probe_path(probe));
}

static void disable_makes_a_load_do_nothing(void **state)
{
    struct resources before = resources_now();

    (void)state;
    setenv("RST_DISABLE", "1", 1);
    assert_int_equal(rst_provider_load(provider), 0);
    assert_nothing_left(before, resources_now());
    assert_disabled();
    assert_int_equal(rst_provider_unload(provider), 0);
    unsetenv("RST_DISABLE");
    assert_loads_at_last();
}

static void disable_by_nothing_or_zero_is_none(void **state)
{
    static const char *const values[] = {"", "0"};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        setenv("RST_DISABLE", values[i], 1);
        assert_loads_at_last();
        assert_int_equal(rst_provider_unload(provider), 0);
    }
}

static void an_unknown_value_is_refused_by_name(void **state)
{
    static const struct {
        const char *variable, *value, *says;
        int error;
    } rows[] = {
        {"RST_BACKING", "disk", "RST_BACKING=\"disk\"", -EINVAL},
        {"RST_BACKING", "memfd:", "RST_BACKING=\"memfd:\"", -EINVAL},
        {"RST_BACKING", "file:here", "\"here\" is not an absolute path", -EINVAL},
        {"RST_BACKING", "file:", "is not an absolute path", -EINVAL},
        {"RST_BACKING", "file:/nowhere", "\"/nowhere\": No such file", -ENOENT},
        {"RST_NOP", "slow", "RST_NOP=\"slow\"", -EINVAL},
        {"RST_NOP", "1", "RST_NOP=\"1\"", -EINVAL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct resources before = resources_now();
        int error;

        setenv(rows[i].variable, rows[i].value, 1);
        error = rst_provider_load(provider);
        if (error >= 0)
            fail_msg("%s=%s is accepted", rows[i].variable, rows[i].value);
        assert_int_equal(error, rows[i].error);
        assert_says(rows[i].says);
        assert_nothing_left(before, resources_now());
        assert_disabled();
        unsetenv(rows[i].variable);
    }
    assert_loads_at_last();
}

static void when_neither_backing_can_be_had_both_reasons_are_given(void **state)
{
    (void)state;
    assert_int_equal(rst_provider_set_backing(provider, RST_BACKING_AUTO, "/nowhere"), 0);
    assert_int_equal(rst_provider_load(provider), -ENOENT);
    assert_says("/proc");
    assert_says("nor as a file");
    assert_says("/nowhere");
    assert_disabled();
}

static void without_proc_a_memfd_is_refused(void **state)
{
    (void)state;
    assert_int_equal(rst_provider_set_backing(provider, RST_BACKING_MEMFD, NULL), 0);
    assert_int_equal(rst_provider_load(provider), -ENOENT);
    assert_says("is /proc mounted?");
    assert_disabled();
}

static void without_proc_a_file_is_traced(void **state)
{
    int tracer;

    (void)state;
    need(!untraceable, untraceable);
    assert_loads_at_last();
    assert_null(strstr(rst_probe_path(probe), "/proc/"));
    tracer = tracer_attach_probe(probe, "surroundings", 0);
    for (uint64_t i = 0; i < 7; i++)
        RST_FIRE(probe, i);
    assert_int_equal(tracer_count(tracer), 7);
    close(tracer);
    assert_int_equal(rst_provider_unload(provider), 0);
    assert_disabled();
    assert_loads_at_last();
}

/* In a child, whose view of the file system is its own. Gives cmocka's count of failures. */
static int run_without_proc(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_proc_a_memfd_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_proc_a_file_is_traced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(when_neither_backing_can_be_had_both_reasons_are_given,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests_name("without /proc", tests, NULL, NULL);
}

static void no_proc_harms_nothing(void **state)
{
    int status;
    pid_t child;

    (void)state;
    need(geteuid() == 0, "only root can take /proc away");
    untraceable = tracer_unavailable();
    fflush(NULL);
    child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            umount2("/proc", MNT_DETACH) < 0)
            _exit(125);
        status = run_without_proc();
        fflush(NULL);
        _exit(status); /* LeakSanitizer's work at exit needs /proc */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    need(WEXITSTATUS(status) != 125, "/proc cannot be unmounted here");
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(disable_makes_a_load_do_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(disable_by_nothing_or_zero_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_value_is_refused_by_name, set_up, tear_down),
        cmocka_unit_test(no_proc_harms_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
