/* SPDX-License-Identifier: MIT */
/*
 * What RST_FIRE() passes, in C and in C++: a handle of our own leads to a semaphore that is raised
 * and to functions that keep what they get.
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
        fail_msg("%s called nothing", what);
    if (captured_count != count)
        fail_msg("%s: %zu arguments arrived", what, captured_count);
    for (size_t i = 0; i < count; i++)
        if (captured[i] != wanted[i])
            fail_msg("%s: argument %zu is %#jx, should be %#jx", what, i + 1,
                     (uintmax_t)captured[i], (uintmax_t)wanted[i]);
}

static void every_argument_arrives_from_c(void **state)
{
    const volatile uint16_t watched = 1;
    struct rst_probe probe = {&watched, captures[0]};

    (void)state;
    checks = captured_calls = 0;
    fire_from_c(&probe, check);
    assert_true(checks > 30);
}

static void every_argument_arrives_from_cpp(void **state)
{
    const volatile uint16_t watched = 1;
    struct rst_probe probe = {&watched, captures[0]};

    (void)state;
    checks = captured_calls = 0;
    fire_from_cpp(&probe, check);
    assert_true(checks > 30);
}

static void nothing_is_called_or_evaluated_while_disabled(void **state)
{
    volatile uint16_t semaphore = 0;
    struct rst_probe probe = {&semaphore, captures[1]};
    unsigned evaluated = 0;

    (void)state;
    captured_calls = 0;
    RST_FIRE(&probe, ++evaluated);
    assert_false(RST_ENABLED(&probe));
    assert_int_equal(evaluated, 0);
    assert_int_equal(captured_calls, 0);
    semaphore = 0x100; /* any bit of the 16 counts */
    RST_FIRE(&probe, ++evaluated);
    assert_true(RST_ENABLED(&probe));
    assert_int_equal(evaluated, 1);
    assert_int_equal(captured_calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_argument_arrives_from_c),
        cmocka_unit_test(every_argument_arrives_from_cpp),
        cmocka_unit_test(nothing_is_called_or_evaluated_while_disabled),
    };

    return cmocka_run_group_tests_name("fire", tests, NULL, NULL);
}
