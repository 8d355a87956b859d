/* SPDX-License-Identifier: MIT */
/*
 * Names and signatures: which are accepted, their plain forms, and the errors for the others.
 */
#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "expected_image.h"
#include "image/signature.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct rst_signature parsed;
static char *plain;

/* Parse, with exactly the room for the plain form that librst asks for. */
static int parse(const char *text)
{
    free(plain);
    plain = malloc(rst_signature_room(text));
    assert_non_null(plain);
    return rst_signature_parse(text, plain, &parsed);
}

static int free_plain(void **state)
{
    (void)state;
    free(plain);
    plain = NULL;
    return 0;
}

static void signatures_are_taken_in_their_plain_form(void **state)
{
    static const struct {
        const char *text, *plain;
        size_t count;
    } rows[] = {
        {NULL, "", 0},
        {"", "", 0},
        {" ", "", 0},
        {"\t\r\n ", "", 0},
        {"int8", "int8", 1},
        {"int8 a", "int8 a", 1},
        {"  int8\t\ta  ", "int8 a", 1},
        {"int8,int8", "int8, int8", 2},
        {"int8 a,int8 b", "int8 a, int8 b", 2},
        {"\nint8 a\n,\r\nint8 b\n", "int8 a, int8 b", 2},
        {"int8 , int8 b", "int8, int8 b", 2},
        {"int8 int8", "int8 int8", 1}, /* a type's name is a name */
        {"bool bool, string string", "bool bool, string string", 2},
        {"int8 a, int8 A, int8 aa, int8 _, int8 __", "int8 a, int8 A, int8 aa, int8 _, int8 __", 5},
        {"uint64 id, string path, int32 status", "uint64 id, string path, int32 status", 3},
        {"bool,bool,bool,bool,bool,bool,bool,bool,bool,bool,bool,bool",
         "bool, bool, bool, bool, bool, bool, bool, bool, bool, bool, bool, bool", 12},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (parse(rows[i].text) != 0)
            fail_msg("\"%s\" is refused: %s", rows[i].text, rst_error());
        assert_string_equal(plain, rows[i].plain);
        assert_ptr_equal(parsed.text, plain);
        assert_int_equal(parsed.count, rows[i].count);
    }
}

static void the_plain_form_is_its_own_plain_form(void **state)
{
    char *first;

    (void)state;
    assert_int_equal(parse(" bool a,int8, double   d"), 0);
    first = strdup(plain);
    assert_non_null(first);
    assert_int_equal(parse(first), 0);
    assert_string_equal(plain, first);
    free(first);
}

static void every_type_is_known_in_every_place(void **state)
{
    static const char *const names[] = {"bool",   "int8",    "int16",  "int32",  "int64",
                                        "uint8",  "uint16",  "uint32", "uint64", "float",
                                        "double", "pointer", "string"};

    (void)state;
    assert_int_equal(COUNT(names), RST_TYPES);
    for (size_t type = 0; type < COUNT(names); type++)
        for (size_t count = 1; count <= RST_MAX_ARGS; count++) {
            char text[256] = "";

            for (size_t i = 0; i < count; i++) {
                strcat(text, i ? ", " : "");
                strcat(text, names[type]);
            }
            assert_int_equal(parse(text), 0);
            assert_string_equal(plain, text);
            assert_int_equal(parsed.count, count);
            for (size_t i = 0; i < count; i++)
                assert_string_equal(rst_types[parsed.types[i]].name, names[type]);
        }
}

/* What an error quotes, and what it says would be right. */
static const struct {
    const char *text;
    int error;
    const char *quoted, *advice;
} refused[] = {
    {"uint46 x", EINVAL, "argument 1: \"uint46\" is not a type", "the types are bool, int8, "},
    {"int", EINVAL, "\"int\" is not a type", "uint64, float, double, pointer, string"},
    {"Int8", EINVAL, "\"Int8\" is not a type", "the types are"},
    {"int8x", EINVAL, "\"int8x\" is not a type", "the types are"},
    {"int81", EINVAL, "\"int81\" is not a type", "the types are"},
    {"in", EINVAL, "\"in\" is not a type", "the types are"},
    {"char *s", EINVAL, "\"char\" is not a type", "the types are"},
    {"int8;int8", EINVAL, "\"int8;int8\" is not a type", "the types are"},
    {"int8 a, b", EINVAL, "argument 2: \"b\" is not a type", "the types are"},
    {"8@%rdi", EINVAL, "\"8@%rdi\" is not a type", "the types are"},
    {"int8\va", EINVAL, "\"int8\\x0ba\" is not a type", "the types are"},
    {"int8\xc2\xa0"
     "a",
     EINVAL, "\"int8\\xc2\\xa0a\" is not a type", "the types are"},
    {",", EINVAL, "argument 1 is empty", "write \"type name\""},
    {" , int8", EINVAL, "argument 1 is empty", "write \"type name\""},
    {"int8,", EINVAL, "argument 2 is empty", "write \"type name\""},
    {"int8 a, ", EINVAL, "argument 2 is empty", "write \"type name\""},
    {"int8,,int8", EINVAL, "argument 2 is empty", "write \"type name\""},
    {"int8 9x", EINVAL, "argument 1: \"9x\" is not a name", "a letter or _ first"},
    {"int8 *x", EINVAL, "\"*x\" is not a name", "letters, digits and _"},
    {"int8 a-b", EINVAL, "\"a-b\" is not a name", "letters, digits and _"},
    {"int8 a.b", EINVAL, "\"a.b\" is not a name", "letters, digits and _"},
    {"int8 a, int16 \xc3\xa9t\xc3\xa9", EINVAL,
     "argument 2: \"\\xc3\\xa9t\\xc3\\xa9\" is not a name", "a letter or _ first"},
    {"int8 \x01", EINVAL, "\"\\x01\" is not a name", "a letter or _ first"},
    {"int8 a\x7f", EINVAL, "\"a\\x7f\" is not a name", "a letter or _ first"},
    {"int8 \"a\"", EINVAL, "\"\\x22a\\x22\" is not a name", "a letter or _ first"},
    {"int8 a\\b", EINVAL, "\"a\\x5cb\" is not a name", "a letter or _ first"},
    {"int8 a b", EINVAL, "argument 1: \"b\" follows the name", "put a comma between"},
    {"int8 a int8 b", EINVAL, "\"int8 b\" follows the name", "put a comma between"},
    {"int8 a\nint8 b, int8", EINVAL, "\"int8 b\" follows the name", "put a comma between"},
    {"int8 a, int8 a", EINVAL, "arguments 1 and 2 are both named \"a\"", "signature"},
    {"int8 a, int8, int16 b, int8 a", EINVAL, "arguments 1 and 4 are both named \"a\"",
     "signature"},
    {"bool,bool,bool,bool,bool,bool,bool,bool,bool,bool,bool,bool,bool", E2BIG, "\"bool,bool,",
     "more than 12 arguments"},
    {"bool,bool,bool,bool,bool,bool,bool,bool,bool,bool,bool,bool,", E2BIG, "\"bool,bool,",
     "more than 12 arguments"},
};

static void malformed_signatures_are_refused_in_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        int result;

        parsed = (struct rst_signature){.count = 42};
        errno = 0;
        result = parse(refused[i].text);
        if (result != -refused[i].error || errno != refused[i].error || parsed.count != 42)
            fail_msg("\"%s\" gives %d, errno %d", refused[i].text, result, errno);
        if (!strstr(rst_error(), refused[i].quoted) || !strstr(rst_error(), refused[i].advice))
            fail_msg("\"%s\": the message is: %s", refused[i].text, rst_error());
    }
}

/* The message begins with the whole signature, quoted. */
static void the_signature_itself_is_quoted(void **state)
{
    (void)state;
    assert_int_equal(parse("uint64 id, strin path"), -EINVAL);
    assert_string_equal(rst_error(),
                        "signature \"uint64 id, strin path\": argument 2: \"strin\" is not a type; "
                        "the types are bool, int8, int16, int32, int64, uint8, uint16, uint32, "
                        "uint64, float, double, pointer, string");
}

/* However long the signature is, the message still says what would be right. */
static void a_very_long_signature_is_cut(void **state)
{
    enum { LENGTH = 100000 };
    static const char fills[] = {'x', '\x01', '"', '\xff', '\n'};
    char *text = malloc(LENGTH + 1);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(fills); i++) {
        memset(text, fills[i], LENGTH);
        text[LENGTH] = '\0';
        memcpy(text, "int8 ", 5);
        memcpy(text + LENGTH - 3, "!,!", 3);
        assert_int_equal(parse(text), -EINVAL);
        assert_non_null(strstr(rst_error(), "signature \"int8 "));
        assert_non_null(strstr(rst_error(), "...\""));
        assert_non_null(strstr(rst_error(), "letters, digits and _"));
        assert_true(strlen(rst_error()) < 400);
    }
    free(text);
}

/* A long signature without a mistake is accepted. */
static void a_very_long_argument_name_is_taken(void **state)
{
    enum { LENGTH = 100000 };
    char *text = malloc(LENGTH + 1);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', LENGTH);
    text[LENGTH] = '\0';
    memcpy(text, "int8 ", 5);
    assert_int_equal(parse(text), 0);
    assert_string_equal(plain, text);
    free(text);
}

/* ----------------------------------------------------------------------------- names -- */

static void names_are_taken(void **state)
{
    static const char *const names[] = {"a", "Z", "_", "_9", "checkout", "aZ_09", "__", "int8"};

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(rst_name_check("probe name", names[i], 127), 0);
}

static void malformed_names_are_refused_in_words(void **state)
{
    static const struct {
        const char *name, *quoted;
    } rows[] = {
        {"", "\"\""},
        {" ", "\" \""},
        {"9a", "\"9a\""},
        {"a b", "\"a b\""},
        {"a ", "\"a \""},
        {" a", "\" a\""},
        {"a-b", "\"a-b\""},
        {"a:b", "\"a:b\""},
        {"a.b", "\"a.b\""},
        {"a/b", "\"a/b\""},
        {"a\n", "\"a\\x0a\""},
        {"\x1b[31m", "\"\\x1b[31m\""},
        {"a\"b", "\"a\\x22b\""},
        {"\"quoted\"", "\"\\x22quoted\\x22\""},
        {"\xce\xbb", "\"\\xce\\xbb\""},
        {"caf\xe9", "\"caf\\xe9\""},
        {"\xef\xbc\xa1", "\"\\xef\\xbc\\xa1\""}, /* a full-width A */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        errno = 0;
        if (rst_name_check("provider name", rows[i].name, 58) != -EINVAL || errno != EINVAL)
            fail_msg("\"%s\" is not refused, or errno is %d", rows[i].name, errno);
        if (!strstr(rst_error(), rows[i].quoted) || !strstr(rst_error(), "provider name ") ||
            !strstr(rst_error(), "a letter or _ first, then letters, digits and _"))
            fail_msg("\"%s\": the message is: %s", rows[i].name, rst_error());
    }
    assert_int_equal(rst_name_check("probe name", NULL, 127), -EINVAL);
    assert_string_equal(rst_error(), "probe name is NULL; pass a name like \"checkout\"");
}

/* In an 8-bit locale, isalpha() would take 0xe9. */
static void names_do_not_depend_on_the_locale(void **state)
{
    static const char *const locales[] = {"", "C.UTF-8", "en_US.ISO-8859-1", "de_DE.ISO-8859-1"};

    (void)state;
    for (size_t i = 0; i < COUNT(locales); i++) {
        setlocale(LC_ALL, locales[i]); /* installed or not */
        for (unsigned c = 1; c < 256; c++) {
            const char name[] = {(char)c, '\0'}, behind[] = {'a', (char)c, '\0'};

            assert_int_equal(rst_name_check("name", name, 127) == 0, expected_is_name(name));
            assert_int_equal(rst_name_check("name", behind, 127) == 0, expected_is_name(behind));
        }
    }
    setlocale(LC_ALL, "C");
}

static void a_name_has_at_most_so_many_bytes(void **state)
{
    char name[60];

    (void)state;
    memset(name, 'p', sizeof(name));
    name[59] = '\0';
    errno = 0;
    assert_int_equal(rst_name_check("provider name", name, 58), -ENAMETOOLONG);
    assert_int_equal(errno, ENAMETOOLONG);
    assert_non_null(strstr(rst_error(), name));
    assert_non_null(strstr(rst_error(), "has 59 bytes; at most 58 are allowed"));
    name[58] = '\0';
    assert_int_equal(rst_name_check("provider name", name, 58), 0);
}

static void a_short_form_is_read_as_it_was_written(void **state)
{
    struct rst_short_argument argument;
    char brief[512];
    const char *at = brief;

    (void)state;
    for (int i = 0; i < RST_TYPES; i++) {
        char text[64], name[16];

        snprintf(text, sizeof(text), "%s a%d, %s", rst_types[i].name, i, rst_types[i].name);
        assert_int_equal(parse(text), 0);
        assert_ptr_equal(rst_signature_shorten(&parsed, brief),
                         brief + rst_signature_short_size(&parsed));
        at = brief;
        assert_int_equal(rst_signature_next(&at, &argument), 1);
        assert_int_equal(argument.type, i);
        snprintf(name, sizeof(name), "a%d", i);
        assert_int_equal(argument.name_length, strlen(name));
        assert_memory_equal(argument.name, name, argument.name_length);
        assert_int_equal(rst_signature_next(&at, &argument), 1);
        assert_int_equal(argument.type, i);
        assert_int_equal(argument.name_length, 0);
        assert_int_equal(rst_signature_next(&at, &argument), 0);
    }
    assert_int_equal(parse(""), 0);
    assert_ptr_equal(rst_signature_shorten(&parsed, brief),
                     brief + rst_signature_short_size(&parsed));
    at = brief;
    assert_int_equal(rst_signature_next(&at, &argument), 0);
}

static void malformed_short_forms_are_refused(void **state)
{
    static const char *const malformed[] = {"!id", "Q1", "Q a", ",", "Qid,", "Qid,,Q"};
    struct rst_short_argument argument;

    (void)state;
    for (size_t i = 0; i < COUNT(malformed); i++) {
        const char *at = malformed[i];
        int found;

        while ((found = rst_signature_next(&at, &argument)) == 1)
            ;
        if (found != -1)
            fail_msg("\"%s\" gives %d", malformed[i], found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_taken_in_their_plain_form),
        cmocka_unit_test(the_plain_form_is_its_own_plain_form),
        cmocka_unit_test(every_type_is_known_in_every_place),
        cmocka_unit_test(malformed_signatures_are_refused_in_words),
        cmocka_unit_test(the_signature_itself_is_quoted),
        cmocka_unit_test(a_very_long_signature_is_cut),
        cmocka_unit_test(a_very_long_argument_name_is_taken),
        cmocka_unit_test(a_short_form_is_read_as_it_was_written),
        cmocka_unit_test(malformed_short_forms_are_refused),
        cmocka_unit_test(names_are_taken),
        cmocka_unit_test(malformed_names_are_refused_in_words),
        cmocka_unit_test(names_do_not_depend_on_the_locale),
        cmocka_unit_test(a_name_has_at_most_so_many_bytes),
    };

    return cmocka_run_group_tests_name("signature", tests, NULL, free_plain);
}
