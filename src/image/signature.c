/* SPDX-License-Identifier: MIT */
#include "image/signature.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "error.h"

#define TYPE_NAMES                                                                                 \
    "bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float, double, pointer, "     \
    "string"

/* A float is described as an unsigned integer of its size: many tracers cannot read "8f@". */
/* clang-format off */
#define TYPE(name, prefix, letter) {name, sizeof(name) - 1, prefix, letter}

const struct rst_type_words rst_types[RST_TYPES] = {
    [RST_TYPE_BOOL] = TYPE("bool", "1@", '?'),
    [RST_TYPE_INT8] = TYPE("int8", "-1@", 'b'),
    [RST_TYPE_INT16] = TYPE("int16", "-2@", 'h'),
    [RST_TYPE_INT32] = TYPE("int32", "-4@", 'i'),
    [RST_TYPE_INT64] = TYPE("int64", "-8@", 'q'),
    [RST_TYPE_UINT8] = TYPE("uint8", "1@", 'B'),
    [RST_TYPE_UINT16] = TYPE("uint16", "2@", 'H'),
    [RST_TYPE_UINT32] = TYPE("uint32", "4@", 'I'),
    [RST_TYPE_UINT64] = TYPE("uint64", "8@", 'Q'),
    [RST_TYPE_FLOAT] = TYPE("float", "4@", 'f'),
    [RST_TYPE_DOUBLE] = TYPE("double", "8@", 'd'),
    [RST_TYPE_POINTER] = TYPE("pointer", "8@", 'P'),
    [RST_TYPE_STRING] = TYPE("string", "8@", 's'),
};
/* clang-format on */

/* A part of the signature's text; it is not NUL-terminated. */
struct word {
    const char *text;
    size_t length;
};

/* <ctype.h> would make names depend on the locale. */
static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(struct word word)
{
    if (word.length == 0 || !is_letter(word.text[0]))
        return false;
    for (size_t i = 1; i < word.length; i++)
        if (!is_letter(word.text[i]) && !(word.text[i] >= '0' && word.text[i] <= '9'))
            return false;
    return true;
}

int rst_name_check(const char *what, const char *name, size_t most)
{
    if (!name)
        return rst_fail(EINVAL, "%s is NULL; pass a name like \"checkout\"", what);
    if (!is_name((struct word){name, strlen(name)}))
        return rst_fail(EINVAL,
                        "%s %s is not a name: a letter or _ first, then letters, digits and _",
                        what, rst_quote(name).text);
    if (strlen(name) > most)
        return rst_fail(ENAMETOOLONG, "%s %s has %zu bytes; at most %zu are allowed", what,
                        rst_quote(name).text, strlen(name), most);
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_blanks(const char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

/* Gives the next word of an argument: up to a blank, a comma or the end. Moves `at` past it. */
static struct word next_word(const char **at)
{
    struct word word = {.text = skip_blanks(*at)};
    const char *end = word.text;

    while (*end && *end != ',' && !is_blank(*end))
        end++;
    word.length = (size_t)(end - word.text);
    *at = skip_blanks(end);
    return word;
}

static bool same(struct word a, struct word b)
{
    return a.length == b.length && memcmp(a.text, b.text, a.length) == 0;
}

static int find_type(struct word word)
{
    for (int type = 0; type < RST_TYPES; type++)
        if (same(word, (struct word){rst_types[type].name, rst_types[type].length}))
            return type;
    return -1;
}

static char *append(char *to, const char *text, size_t length)
{
    memcpy(to, text, length);
    return to + length;
}

size_t rst_signature_room(const char *text)
{
    /* a blank is added after each comma: "bool,bool" */
    return text ? strlen(text) + RST_MAX_ARGS : 1;
}

/* Parse one argument, from `at` to its comma or the end. Gives its type or a negative errno. */
static int parse_argument(const char *signature, size_t number, const char **at, struct word *name)
{
    struct word word = next_word(at);
    int type;

    if (word.length == 0)
        return rst_fail(EINVAL, "signature %s: argument %zu is empty; write \"type name\"",
                        rst_quote(signature).text, number);
    type = find_type(word);
    if (type < 0)
        return rst_fail(EINVAL, "signature %s: argument %zu: %s is not a type; the types are %s",
                        rst_quote(signature).text, number,
                        rst_quote_bytes(word.text, word.length).text, TYPE_NAMES);
    *name = next_word(at);
    if (name->length && !is_name(*name))
        return rst_fail(
            EINVAL,
            "signature %s: argument %zu: %s is not a name: a letter or _ first, then letters, "
            "digits and _",
            rst_quote(signature).text, number, rst_quote_bytes(name->text, name->length).text);
    if (**at && **at != ',')
        return rst_fail(EINVAL,
                        "signature %s: argument %zu: %s follows the name; put a comma between "
                        "arguments",
                        rst_quote(signature).text, number,
                        rst_quote_bytes(*at, strcspn(*at, ",")).text);
    return type;
}

int rst_signature_parse(const char *text, char *plain, struct rst_signature *ret)
{
    struct rst_signature signature = {.text = plain};
    struct word names[RST_MAX_ARGS];
    const char *at = text ? text : "";
    char *to = plain;

    for (bool more = *skip_blanks(at) != '\0'; more; signature.count++) {
        size_t i = signature.count;
        int type;

        if (i == RST_MAX_ARGS)
            return rst_fail(E2BIG, "signature %s has more than %d arguments", rst_quote(text).text,
                            RST_MAX_ARGS);
        names[i] = (struct word){NULL, 0};
        type = parse_argument(text, i + 1, &at, &names[i]);
        if (type < 0)
            return type;
        for (size_t j = 0; j < i; j++)
            if (names[i].length && same(names[i], names[j]))
                return rst_fail(EINVAL, "signature %s: arguments %zu and %zu are both named %s",
                                rst_quote(text).text, j + 1, i + 1,
                                rst_quote_bytes(names[i].text, names[i].length).text);
        signature.types[i] = (uint8_t)type;
        if (type == RST_TYPE_STRING)
            signature.strings |= (uint16_t)(1 << i);
        if (i > 0)
            to = append(to, ", ", 2);
        to = append(to, rst_types[type].name, rst_types[type].length);
        if (names[i].length) {
            to = append(to, " ", 1);
            to = append(to, names[i].text, names[i].length);
        }
        more = *at == ',';
        at += more;
    }
    *to = '\0';
    *ret = signature;
    return 0;
}

/* ------------------------------------------------------------------------ the short form -- */

/* The argument's name in the plain form, where `at` is; moves `at` past the argument. */
static struct word next_name(const char **at, uint8_t type)
{
    struct word name = {.text = *at + rst_types[type].length};

    if (*name.text == ' ')
        name.text++;
    name.length = strcspn(name.text, ",");
    *at = name.text + name.length;
    if (**at)
        *at += strlen(", ");
    return name;
}

size_t rst_signature_short_size(const struct rst_signature *signature)
{
    const char *at = signature->text;
    size_t size = signature->count ? 0 : 1;

    for (size_t i = 0; i < signature->count; i++)
        size += 1 + next_name(&at, signature->types[i]).length + 1;
    return size;
}

char *rst_signature_shorten(const struct rst_signature *signature, char *to)
{
    const char *at = signature->text;

    for (size_t i = 0; i < signature->count; i++) {
        struct word name = next_name(&at, signature->types[i]);

        if (i > 0)
            *to++ = ',';
        *to++ = rst_types[signature->types[i]].letter;
        to = append(to, name.text, name.length);
    }
    *to = '\0';
    return to + 1;
}

int rst_signature_next(const char **at, struct rst_short_argument *ret)
{
    struct word name;
    int type = 0;

    if (!**at)
        return 0;
    while (type < RST_TYPES && rst_types[type].letter != **at)
        type++;
    name.text = *at + 1;
    name.length = strcspn(name.text, ",");
    if (type == RST_TYPES || (name.length && !is_name(name)))
        return -1;
    *at = name.text + name.length;
    if (**at) {
        ++*at;
        if (!**at) /* a comma with nothing behind it */
            return -1;
    }
    *ret = (struct rst_short_argument){(enum rst_type)type, name.text, name.length};
    return 1;
}
