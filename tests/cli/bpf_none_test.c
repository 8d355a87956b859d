/* SPDX-License-Identifier: MIT */
/* A rst that was built without libbpf says so, and what to use. It is linked with none.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli/base/command.h"
#include "cli/trace/run.h"
#include "rst.h"

static void names_the_tools_that_work(void **state)
{
    struct plan plan = {0};

    (void)state;
    assert_int_equal(run_trace(&plan), STATUS_FAILED);
    assert_non_null(strstr(rst_error(), "built without libbpf"));
    assert_non_null(strstr(rst_error(), "--for bpftrace, perf, gdb, bcc, dtrace or tracefs"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_the_tools_that_work)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
