/* SPDX-License-Identifier: MIT */
/*
 * Which nop the site gets, for all kernels.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/nop.h"
#include "rst.h"

/* The answer of uprobe(2), and how often it was asked. */
static int answer, asked;

static int probe(void)
{
    asked++;
    return answer;
}

static void each_kernel_gets_its_nop(void **state)
{
    enum { SECCOMP = 0 }; /* the answer if uprobe(2) must not be called */
    static const struct {
        const char *release;
        int answer;
        enum rst_nop plain, fast;
    } rows[] = {
        {"6.18.0", ENXIO, RST_NOP1, RST_NOP5},
        {"6.18", ENXIO, RST_NOP1, RST_NOP5},
        {"6.18.0-rc1+", ENXIO, RST_NOP1, RST_NOP5},
        {"6.19.3-generic", ENXIO, RST_NOP1, RST_NOP5},
        {"7.0.0", ENXIO, RST_NOP1, RST_NOP5},
        {"7.2.9", ENXIO, RST_NOP1, RST_NOP5},
        {"7.3.0", EPROTO, RST_NOP10, RST_NOP10},
        {"10.0.1", EPROTO, RST_NOP10, RST_NOP10},
        /* the kernel's behaviour counts, not its version */
        {"7.2.13+deb14-amd64", EPROTO, RST_NOP10, RST_NOP10},
        {"6.18.7-backport", EPROTO, RST_NOP10, RST_NOP10},
        {"7.3.0", ENXIO, RST_NOP1, RST_NOP5},
        {"7.3.0", ENOSYS, RST_NOP1, RST_NOP1},
        {"6.18.0", ENOSYS, RST_NOP1, RST_NOP1},
        {"6.18.0", EPERM, RST_NOP1, RST_NOP1},
        {"6.18.0", SECCOMP, RST_NOP1, RST_NOP1},
        {"7.3.0", SECCOMP, RST_NOP1, RST_NOP1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        answer = rows[i].answer;
        for (int fast = 0; fast < 2; fast++) {
            enum rst_nop wanted = fast ? rows[i].fast : rows[i].plain;
            enum rst_nop seen = rst_nop_for(rows[i].release, fast, probe);

            if (seen != wanted)
                fail_msg("%s, answer %d, fast %d: nop %d, not %d", rows[i].release, answer, fast,
                         seen, wanted);
        }
    }
}

/* A strict seccomp filter may kill a process for a system call that it doesn't know. */
static void kernels_before_6_18_are_never_asked(void **state)
{
    static const char *const releases[] = {
        "2.6.32-754.el6", "3.10.0",  "4.20.0", "5.18.0", "5.20.0", "5.99.0", "6.0.0",
        "6.1.0-13-amd64", "6.17.99", "6.2.18", "6.9",    "6.",     "6",      "",
        "next",           "v7.3.0",
    };

    (void)state;
    asked = 0;
    answer = EPROTO;
    for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++)
        for (int fast = 0; fast < 2; fast++) {
            enum rst_nop seen = rst_nop_for(releases[i], fast, probe);

            if (seen != RST_NOP1 || asked)
                fail_msg("\"%s\": nop %d, asked %d times", releases[i], seen, asked);
        }
}

static void later_kernels_are_asked_once(void **state)
{
    (void)state;
    asked = 0;
    rst_nop_for("6.18.0", false, probe);
    assert_int_equal(asked, 1);
}

static void an_unknown_wish_is_refused(void **state)
{
    enum rst_nop nop = RST_NOPS;

    (void)state;
    assert_int_equal(setenv("RST_NOP", "faster", 1), 0);
    assert_int_equal(rst_nop_choose(&nop), -EINVAL);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(nop, RST_NOPS);
    assert_string_equal(rst_error(), "RST_NOP=\"faster\" is unknown; the only value is \"fast\"");
    unsetenv("RST_NOP");
}

static void choosing_leaves_errno_alone(void **state)
{
    static const char *const wishes[] = {NULL, "", "fast"};

    (void)state;
    for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
        enum rst_nop nop = RST_NOPS;

        unsetenv("RST_NOP");
        if (wishes[i])
            assert_int_equal(setenv("RST_NOP", wishes[i], 1), 0);
        errno = 42;
        assert_int_equal(rst_nop_choose(&nop), 0);
        assert_int_equal(errno, 42);
        assert_in_range(nop, RST_NOP1, RST_NOP10);
        unsetenv("RST_NOP");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kernel_gets_its_nop),
        cmocka_unit_test(kernels_before_6_18_are_never_asked),
        cmocka_unit_test(later_kernels_are_asked_once),
        cmocka_unit_test(an_unknown_wish_is_refused),
        cmocka_unit_test(choosing_leaves_errno_alone),
    };

    return cmocka_run_group_tests_name("nop", tests, NULL, NULL);
}
