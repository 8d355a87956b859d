/* SPDX-License-Identifier: MIT */
/*
 * The CPUs that librst knows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/arch.h"

static void each_is_found_by_its_name(void **state)
{
    (void)state;
    assert_non_null(rst_arches[0]);
    for (size_t i = 0; rst_arches[i]; i++) {
        assert_ptr_equal(rst_arch_find(rst_arches[i]->name), rst_arches[i]);
        assert_non_null(strstr(rst_arch_names, rst_arches[i]->name));
    }
    assert_null(rst_arch_find("vax"));
    assert_null(rst_arch_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_found_by_its_name),
    };

    return cmocka_run_group_tests_name("arch", tests, NULL, NULL);
}
