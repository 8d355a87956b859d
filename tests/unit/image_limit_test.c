/* SPDX-License-Identifier: MIT */
/*
 * The largest image: librst refuses one of 4 GiB or more before it allocates any memory.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "image/image.h"
#include "rst.h"
#include "support/children.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

/* The same probe, with a name of `length` bytes, many times: a large image in little memory. */
static int make_large(size_t length, size_t count, struct rst_image *ret)
{
    char *name = malloc(length + 1);
    struct rst_description description = {.name = name, .signature = {.text = ""}};
    const struct rst_description **probes = calloc(count, sizeof(*probes));
    struct rst_image_spec spec = {&rst_arch_x86_64, RST_NOP1, "large", probes, count};
    int error;

    assert_non_null(name);
    assert_non_null(probes);
    memset(name, 'n', length);
    name[length] = '\0';
    for (size_t i = 0; i < count; i++)
        probes[i] = &description;
    error = rst_image_make(&spec, ret);
    free(probes);
    free(name);
    return error;
}

static void an_image_of_4_gib_is_refused(void **state)
{
    struct rst_image image = {.size = 42};

    (void)state;
    /* The names are in the symbols and in the notes: 2 * 2 GiB. */
    assert_int_equal(make_large(1 << 20, 2048, &image), -EFBIG);
    assert_int_equal(errno, EFBIG);
    assert_non_null(strstr(rst_error(), "provider \"large\""));
    assert_non_null(strstr(rst_error(), "2048 probes"));
    assert_non_null(strstr(rst_error(), "4 GiB"));
    assert_int_equal(image.size, 42);
}

/* An image just below the limit is made; or, if memory is short, the error says that. */
static void an_image_below_4_gib_is_not_too_large(void **state)
{
    struct rst_image image = {.size = 42};
    struct rlimit old, tight;

    (void)state;
#ifdef SANITIZED
    print_message(
        "skipped: the address sanitizer needs more address space than the limit leaves\n");
    skip();
#endif
    check_not_emulated("sets no RLIMIT_AS");
    assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
    tight = old;
    tight.rlim_cur = 1 << 30;
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
    assert_int_equal(make_large(1 << 20, 2047, &image), -ENOMEM);
    assert_int_equal(errno, ENOMEM);
    assert_non_null(strstr(rst_error(), "no memory"));
    assert_int_equal(image.size, 42);
    assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_of_4_gib_is_refused),
        cmocka_unit_test(an_image_below_4_gib_is_not_too_large),
    };

    return cmocka_run_group_tests_name("image_limit", tests, NULL, NULL);
}
