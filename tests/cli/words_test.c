/* SPDX-License-Identifier: MIT */
/*
 * The command's output and comparisons: JSON, text for terminals, globs, similar names.
 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/base/json.h"
#include "cli/base/text.h"
#include "cli/find/near.h"

/* ------------------------------------------------------------------------------ JSON -- */

static void check_json(const char *bytes, size_t size, const char *wanted)
{
    char *seen = NULL;
    size_t length;
    struct json json = {.out = open_memstream(&seen, &length)};

    assert_non_null(json.out);
    json_bytes(&json, NULL, bytes, size);
    fclose(json.out);
    assert_string_equal(seen, wanted);
    free(seen);
}

static void json_escapes_what_it_must(void **state)
{
    (void)state;
    check_json("shop", 4, "\"shop\"");
    check_json("", 0, "\"\"");
    check_json("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
    check_json("\0\n\x1f\x7f", 4, "\"\\u0000\\u000a\\u001f\\u007f\"");
    /* control characters of two bytes, and marks that change the direction of writing */
    check_json("\xc2\x9b"
               "2J\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8f\xd8\x9c",
               15, "\"\\u009b2J\\u202e\\u2066\\u200f\\u061c\"");
    check_json("\xc2\xa0\xe2\x80\x93", 5, "\"\xc2\xa0\xe2\x80\x93\"");
    check_json("caf\xc3\xa9 \xf0\x9f\x98\x80", 10, "\"caf\xc3\xa9 \xf0\x9f\x98\x80\"");
}

static void json_replaces_bytes_that_are_not_utf_8(void **state)
{
    static const struct {
        const char *bytes, *wanted;
    } cases[] = {
        {"\x80", "\"\\ufffd\""},
        {"\xff\xfe", "\"\\ufffd\\ufffd\""},
        {"a\xc3", "\"a\\ufffd\""},                                /* cut */
        {"\xc0\xaf", "\"\\ufffd\\ufffd\""},                       /* overlong */
        {"\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\""},            /* overlong */
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},            /* a surrogate */
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* beyond U+10FFFF */
        {"\xe2\x82", "\"\\ufffd\\ufffd\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_json(cases[i].bytes, strlen(cases[i].bytes), cases[i].wanted);
}

static void json_puts_commas_between_values(void **state)
{
    char *seen = NULL;
    size_t length;
    struct json json = {.out = open_memstream(&seen, &length)};

    (void)state;
    json_open(&json, NULL, '[');
    json_open(&json, NULL, '{');
    json_number(&json, "n", UINT64_MAX);
    json_open(&json, "list", '[');
    json_close(&json, '[');
    json_bool(&json, "b", false);
    json_string(&json, "s", NULL);
    json_close(&json, '{');
    json_open(&json, NULL, '{');
    json_close(&json, '{');
    json_close(&json, '[');
    fclose(json.out);
    assert_string_equal(seen,
                        "[{\"n\":18446744073709551615,\"list\":[],\"b\":false,\"s\":null},{}]");
    free(seen);
}

/* --------------------------------------------------------------------------- numbers -- */

static void whole_numbers_are_all_of_a_word_and_in_range(void **state)
{
    static const struct {
        const char *word;
        bool good;
        uint64_t value;
    } cases[] = {
        {"1", true, 1},    {"007", true, 7}, {"100", true, 100}, {"0", false, 0},
        {"101", false, 0}, {"", false, 0},   {" 1", false, 0},   {"+1", false, 0},
        {"-1", false, 0},  {"1x", false, 0}, {"0x1", false, 0},  {"18446744073709551617", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t value = 4711;
        bool good = read_whole(cases[i].word, 1, 100, &value);

        if (good != cases[i].good || value != (good ? cases[i].value : 4711))
            fail_msg("%s: %d, %llu", cases[i].word, good, (unsigned long long)value);
    }
}

static void versions_are_in_order(void **state)
{
    (void)state;
    assert_int_equal(version_number("0.17.0"), 17);
    assert_int_equal(version_number("1.2"), 102);
    assert_int_equal(version_number("2"), 200);
    assert_int_equal(version_number("6.18-rc1+"), 618);
    assert_int_equal(version_number("4.19.0-amd64"), 419);
    assert_true(version_number("4.20.1") < version_number("5.0"));
    assert_true(version_number("5.100") < version_number("6.0"));
    assert_int_equal(version_number("none"), 0);
}

static void digits_are_ascii_s(void **state)
{
    static const char digits[] = "0123456789abcdef";

    (void)state;
    for (int c = 0; c < 256; c++) {
        const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

        assert_int_equal(hex_digit((char)c), found ? found - digits : -1);
        assert_int_equal(is_digit((char)c), found && found - digits < 10);
    }
}

/* ------------------------------------------------------------------------------ text -- */

static void check_shown(const char *bytes, const char *wanted)
{
    struct text text = {0};

    text_clear(&text);
    text_add_shown(&text, bytes, strlen(bytes));
    assert_string_equal(text.bytes, wanted);
    free(text.bytes);
}

static void no_control_character_reaches_the_terminal(void **state)
{
    (void)state;
    check_shown("shop", "shop");
    check_shown("\033[2Jshop\a\n", "\\x1b[2Jshop\\x07\\x0a");
    check_shown("\x7f\x80\xff", "\\x7f\\x80\\xff");
    if (setlocale(LC_CTYPE, "C.UTF-8")) {
        check_shown("caf\xc3\xa9", "caf\xc3\xa9");
        check_shown("\xc2\x9b"
                    "2J",
                    "\\xc2\\x9b2J"); /* a two-byte control character, like ESC [ */
        check_shown("\xe2\x80\xae"
                    "x",
                    "\\xe2\\x80\\xaex"); /* changes the direction of writing */
        check_shown("\xc3", "\\xc3");
    }
    setlocale(LC_CTYPE, "C");
    check_shown("caf\xc3\xa9", "caf\\xc3\\xa9");
}

static void width_is_counted_in_columns(void **state)
{
    size_t width;

    (void)state;
    assert_int_equal(text_width(""), 0);
    assert_int_equal(text_width("shop"), 4);
    assert_int_equal(text_fitting("shop", 2, &width), 2);
    assert_int_equal(text_fitting("shop", 9, &width), 4);
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        skip();
    assert_int_equal(text_width("caf\xc3\xa9"), 4);
    assert_int_equal(text_width("\xe6\xbc\xa2"), 2); /* a Chinese character */
    assert_int_equal(text_fitting("\xe6\xbc\xa2\xe6\xbc\xa2", 3, &width), 3);
    assert_int_equal(width, 2);
    setlocale(LC_CTYPE, "C");
}

/* ------------------------------------------------------------------------------ globs -- */

static void globs_match_both_sides(void **state)
{
    static const struct {
        const char *glob, *provider, *probe;
        bool matches;
    } cases[] = {
        {"shop:*", "shop", "order", true},     {"shop:*", "shops", "order", false},
        {"*:order", "shop", "order", true},    {"*:order", "shop", "orders", false},
        {"sh?p:o*r", "shop", "order", true},   {":order", "shop", "order", true},
        {"shop:", "shop", "order", true},      {":", "shop", "order", true},
        {"shop:order", "shop", "order", true}, {"[a-s]*:*", "tar", "order", false},
        {"*", "shop", "order", true},          {"shop:a:b", "shop", "a:b", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct glob glob;

        glob_make(cases[i].glob, &glob);
        if (glob_matches(&glob, cases[i].provider, cases[i].probe) != cases[i].matches)
            fail_msg("%s matches %s:%s: %d", cases[i].glob, cases[i].provider, cases[i].probe,
                     !cases[i].matches);
        glob_free(&glob);
    }
}

static void globs_are_told_from_files(void **state)
{
    (void)state;
    assert_true(glob_is("shop:*"));
    assert_true(glob_is(":"));
    assert_false(glob_is("shop"));
    assert_false(glob_is("./shop:order"));
    assert_false(glob_is("/usr/lib/a:b.so"));
}

/* ------------------------------------------------------------------------- near names -- */

static void the_nearest_names_come_first(void **state)
{
    struct near near;

    (void)state;
    near_start(&near, "shop:oder");
    near_offer(&near, "shop:ordered");
    near_offer(&near, "shop:order");
    near_offer(&near, "shop:order");
    near_offer(&near, "shop:closed");
    near_offer(&near, "python:line");
    near_offer(&near, "shop:older");
    assert_int_equal(near.count, 3);
    assert_string_equal(near.words[0], "shop:order");
    assert_string_equal(near.words[1], "shop:older");
    assert_string_equal(near.words[2], "shop:ordered");
    near_offer(&near, "shop:odder");
    assert_int_equal(near.count, 3);
    assert_string_equal(near.words[2], "shop:odder");
}

static void swapped_letters_are_near(void **state)
{
    struct near near;

    (void)state;
    near_start(&near, "lsit");
    near_offer(&near, "list");
    near_offer(&near, "emit");
    assert_int_equal(near.count, 2);
    assert_string_equal(near.words[0], "list");
    near_start(&near, "trace");
    near_offer(&near, "list");
    assert_int_equal(near.count, 0);
}

static void no_name_is_too_long_to_compare(void **state)
{
    char name[4096];
    struct near near;

    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    near_start(&near, name);
    near_offer(&near, name);
    assert_int_equal(near.count, 0);
    near_offer(&near, "a");
    assert_int_equal(near.count, 0);
    name[NEAR_LENGTH - 1] = '\0';
    near_offer(&near, name);
    assert_int_equal(near.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_escapes_what_it_must),
        cmocka_unit_test(json_replaces_bytes_that_are_not_utf_8),
        cmocka_unit_test(json_puts_commas_between_values),
        cmocka_unit_test(no_control_character_reaches_the_terminal),
        cmocka_unit_test(whole_numbers_are_all_of_a_word_and_in_range),
        cmocka_unit_test(versions_are_in_order),
        cmocka_unit_test(digits_are_ascii_s),
        cmocka_unit_test(width_is_counted_in_columns),
        cmocka_unit_test(globs_match_both_sides),
        cmocka_unit_test(globs_are_told_from_files),
        cmocka_unit_test(the_nearest_names_come_first),
        cmocka_unit_test(swapped_letters_are_near),
        cmocka_unit_test(no_name_is_too_long_to_compare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
