/* SPDX-License-Identifier: MIT */
/* A rst that was built without libbpf says so, and what to use. It is linked with none.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli/trace/bpf/bpf.h"
#include "rst.h"

static void names_the_tools_that_work(void **state)
{
    const struct plan plan = {0};
    struct bpf *bpf = NULL;

    (void)state;
    assert_int_equal(bpf_load(&plan, &bpf), -ENOTSUP);
    assert_null(bpf);
    assert_non_null(strstr(rst_error(), "built without libbpf"));
    assert_non_null(strstr(rst_error(), "--for bpftrace, perf, gdb, bcc, dtrace or tracefs"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_the_tools_that_work)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
