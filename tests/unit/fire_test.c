/* SPDX-License-Identifier: MIT */
/*
 * The arguments that RST_FIRE() passes, in C and in C++. The handle is the test's own: its
 * semaphore is raised, and its function keeps its arguments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture.h"

static unsigned checks;

static void check(const char *what, size_t count, const uint64_t *wanted)
{
    checks++;
    if (captured_calls == 0)
        fail_msg("%s: the probe's function was not called", what);
    for (size_t i = 0; i < count; i++)
        if (captured[i] != wanted[i])
            fail_msg("%s: argument %zu is %#jx, should be %#jx", what, i + 1,
                     (uintmax_t)captured[i], (uintmax_t)wanted[i]);
}

static void every_argument_arrives_from_c(void **state)
{
    (void)state;
    checks = captured_calls = 0;
    fire_from_c(check);
    assert_true(checks > 30);
}

static void every_argument_arrives_from_cpp(void **state)
{
    (void)state;
    checks = captured_calls = 0;
    fire_from_cpp(check);
    assert_true(checks > 30);
}

/* A guard reads all 32 bits of the semaphore. */
static void nothing_is_called_or_evaluated_while_disabled(void **state)
{
    static const uint32_t raised[] = {1, 0x100, 0x8000, 0x10000, 0x80000000};
    const rst_probe *probe = capture_probe(1, 0);
    unsigned evaluated = 0;

    (void)state;
    captured_calls = 0;
    RST_FIRE(probe, ++evaluated);
    assert_false(RST_ENABLED(probe));
    assert_int_equal(evaluated, 0);
    assert_int_equal(captured_calls, 0);
    for (unsigned i = 0; i < sizeof(raised) / sizeof(raised[0]); i++) {
        probe = capture_probe(1, raised[i]);
        assert_true(RST_ENABLED(probe));
        assert_true(rst_probe_enabled(probe));
        RST_FIRE(probe, ++evaluated);
        assert_int_equal(evaluated, i + 1);
        assert_int_equal(captured_calls, i + 1);
    }
}

static void null_is_a_probe_that_nobody_watches(void **state)
{
    const rst_probe *probe = NULL;
    unsigned evaluated = 0;

    (void)state;
    captured_calls = 0;
    assert_false(RST_ENABLED(probe));
    assert_false(RST_ENABLED(NULL));
    RST_FIRE(probe);
    RST_FIRE(probe, ++evaluated);
    RST_FIRE(NULL, ++evaluated, "text");
    assert_int_equal(evaluated, 0);
    assert_int_equal(captured_calls, 0);
}

static void no_array_is_no_arguments(void **state)
{
    (void)state;
    captured_calls = 0;
    rst_probe_fire(capture_probe(2, 1), NULL, 2);
    assert_int_equal(captured_calls, 1);
    assert_int_equal(captured[0] | captured[1], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_argument_arrives_from_c),
        cmocka_unit_test(every_argument_arrives_from_cpp),
        cmocka_unit_test(nothing_is_called_or_evaluated_while_disabled),
        cmocka_unit_test(null_is_a_probe_that_nobody_watches),
        cmocka_unit_test(no_array_is_no_arguments),
    };

    return cmocka_run_group_tests_name("fire", tests, NULL, NULL);
}
