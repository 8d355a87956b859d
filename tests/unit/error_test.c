/* SPDX-License-Identifier: MIT */
/*
 * Errors: one message per thread, with its errno, in printable characters.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"
#include "rst.h"

static void there_is_no_error_at_first(void **state)
{
    (void)state;
    assert_string_equal(rst_error(), "");
}

static void a_failure_keeps_message_and_errno(void **state)
{
    (void)state;
    errno = 0;
    assert_int_equal(rst_fail(ERANGE, "%d is not %s", 7, "eight"), -ERANGE);
    assert_int_equal(errno, ERANGE);
    assert_string_equal(rst_error(), "7 is not eight");
}

static void a_system_failure_adds_the_systems_words(void **state)
{
    (void)state;
    assert_int_equal(rst_fail_errno(ENOENT, "open(%s)", "/nowhere"), -ENOENT);
    assert_int_equal(errno, ENOENT);
    assert_string_equal(rst_error(), "open(/nowhere): No such file or directory");
}

static void a_message_may_quote_the_last_one(void **state)
{
    (void)state;
    rst_fail(EINVAL, "first");
    rst_fail(EINVAL, "second, after %s", rst_error());
    assert_string_equal(rst_error(), "second, after first");
}

static void a_success_leaves_the_message(void **state)
{
    rst_provider *provider;

    (void)state;
    rst_fail(EINVAL, "kept");
    errno = 42;
    provider = rst_provider_new("kept");
    assert_non_null(provider);
    rst_provider_free(provider);
    assert_string_equal(rst_error(), "kept");
    assert_int_equal(errno, 42);
}

static void *other_thread(void *seen_first)
{
    const char **first = seen_first;

    *first = rst_error()[0] == '\0' ? "nothing" : "something";
    rst_fail(EPERM, "the other thread's");
    return strdup(rst_error());
}

static void each_thread_has_its_own(void **state)
{
    const char *first = NULL;
    void *message = NULL;
    pthread_t thread;

    (void)state;
    rst_fail(EINVAL, "this thread's");
    assert_int_equal(pthread_create(&thread, NULL, other_thread, &first), 0);
    assert_int_equal(pthread_join(thread, &message), 0);
    assert_string_equal(first, "nothing");
    assert_string_equal(message, "the other thread's");
    assert_string_equal(rst_error(), "this thread's");
    free(message);
}

static void a_message_that_is_too_long_is_cut(void **state)
{
    char *text = malloc(5001);

    (void)state;
    assert_non_null(text);
    memset(text, 'm', 5000);
    text[5000] = '\0';
    rst_fail_errno(ENOENT, "%s", text);
    assert_in_range(strlen(rst_error()), 256, 1024);
    assert_int_equal(strspn(rst_error(), "m"), strlen(rst_error()));
    free(text);
}

static void quoting_makes_any_byte_printable(void **state)
{
    struct rst_quoted quoted;

    (void)state;
    assert_string_equal(rst_quote("").text, "\"\"");
    assert_string_equal(rst_quote("plain text").text, "\"plain text\"");
    assert_string_equal(rst_quote("\"\\").text, "\"\\x22\\x5c\"");
    assert_string_equal(rst_quote("\t\x7f\x80\xff").text, "\"\\x09\\x7f\\x80\\xff\"");
    assert_string_equal(rst_quote_bytes("a\0b", 3).text, "\"a\\x00b\"");
    for (unsigned c = 0; c < 256; c++) {
        const char byte = (char)c;

        quoted = rst_quote_bytes(&byte, 1);
        for (const char *at = quoted.text; *at; at++)
            assert_in_range(*at, ' ', '~');
    }
}

/* At every length, of bytes that take one or four characters. */
static void quoting_cuts_what_is_long(void **state)
{
    static const char fills[] = {'x', '\x01'};

    (void)state;
    for (size_t i = 0; i < sizeof(fills); i++)
        for (size_t length = 0; length < 200; length++) {
            struct rst_quoted quoted;
            char text[200];
            size_t size, wide = fills[i] == 'x' ? 1 : 4;
            bool is_cut;

            memset(text, fills[i], length);
            quoted = rst_quote_bytes(text, length);
            size = strnlen(quoted.text, sizeof(quoted.text));
            assert_true(size < sizeof(quoted.text));
            is_cut = size >= 4 && strcmp(quoted.text + size - 4, "...\"") == 0;
            assert_int_equal(quoted.text[0], '"');
            assert_int_equal(quoted.text[size - 1], '"');
            if (!is_cut)
                assert_int_equal(size, wide * length + 2);
            else
                assert_true(wide * length > 80);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_no_error_at_first),
        cmocka_unit_test(a_failure_keeps_message_and_errno),
        cmocka_unit_test(a_system_failure_adds_the_systems_words),
        cmocka_unit_test(a_message_may_quote_the_last_one),
        cmocka_unit_test(a_success_leaves_the_message),
        cmocka_unit_test(each_thread_has_its_own),
        cmocka_unit_test(a_message_that_is_too_long_is_cut),
        cmocka_unit_test(quoting_makes_any_byte_printable),
        cmocka_unit_test(quoting_cuts_what_is_long),
    };

    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
