/* SPDX-License-Identifier: MIT */
#include "cli/base/text.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "cli/base/command.h"

static void make_room(struct text *text, size_t size)
{
    if (text->room - text->size > size)
        return;
    text->room = 2 * (text->size + size) + 16;
    text->bytes = sure(realloc(text->bytes, text->room));
}

void text_clear(struct text *text)
{
    make_room(text, 0);
    text->size = 0;
    text->bytes[0] = '\0';
}

void text_add_bytes(struct text *text, const char *bytes, size_t size)
{
    make_room(text, size);
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
}

void text_add(struct text *text, const char *words)
{
    text_add_bytes(text, words, strlen(words));
}

__attribute__((format(printf, 1, 0))) static char *format_list(const char *format, va_list args)
{
    char *words;

    return sure(vasprintf(&words, format, args) < 0 ? NULL : words);
}

char *text_format(const char *format, ...)
{
    va_list args;
    char *words;

    va_start(args, format);
    words = format_list(format, args);
    va_end(args);
    return words;
}

void text_addf(struct text *text, const char *format, ...)
{
    va_list args;
    char *words;

    va_start(args, format);
    words = format_list(format, args);
    va_end(args);
    text_add(text, words);
    free(words);
}

/* --------------------------------------------------------------------- for a terminal -- */

static bool is_plain(char c)
{
    return c >= ' ' && c <= '~';
}

bool is_plain_word(const char *word, const char *further)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    const char *at = word;

    while (*at && (strchr(letters, *at) || strchr(further, *at)))
        at++;
    return at > word && !*at;
}

/*
 * The size of the next character, in the locale's encoding. `columns` gets how many it takes on a
 * terminal; -1: it is invalid or not printable.
 */
static size_t next_character(const char *bytes, size_t size, int *columns)
{
    mbstate_t state = {0};
    wchar_t wide;
    size_t length;

    *columns = is_plain(*bytes) ? 1 : -1;
    if (is_plain(*bytes))
        return 1;
    length = mbrtowc(&wide, bytes, size, &state);
    if (length == 0 || length > size) /* NUL; (size_t)-1: invalid; (size_t)-2: incomplete */
        return 1;
    *columns = iswprint((wint_t)wide) ? wcwidth(wide) : -1;
    return length;
}

void text_add_shown(struct text *text, const char *bytes, size_t size)
{
    const char *end = bytes + size;

    while (bytes < end) {
        int columns;
        size_t length = next_character(bytes, (size_t)(end - bytes), &columns);

        while (is_plain(*bytes) && bytes + length < end && is_plain(bytes[length]))
            length++;
        if (columns > 0)
            text_add_bytes(text, bytes, length);
        for (size_t i = 0; columns <= 0 && i < length; i++)
            text_addf(text, "\\x%02x", (unsigned char)bytes[i]);
        bytes += length;
    }
}

struct text_path text_path(const char *path)
{
    static const char mark[] = "\"...";
    struct text_path shown;
    const size_t room = sizeof(shown.text) - sizeof(mark) - 1;
    struct text text = {0};
    size_t from = 0;

    text_clear(&text);
    text_add_shown(&text, path, strlen(path));
    if (text.size > room)
        from = text.size - room;
    while (((unsigned char)text.bytes[from] & 0xc0) == 0x80) /* inside a UTF-8 character */
        from++;
    snprintf(shown.text, sizeof(shown.text), "%s%s\"", from ? mark : "\"", text.bytes + from);
    free(text.bytes);
    return shown;
}

size_t text_fitting(const char *words, size_t most, size_t *ret)
{
    size_t size = strlen(words), at = 0, length;
    int columns;

    for (*ret = 0; at < size; at += length, *ret += (size_t)columns) {
        length = next_character(words + at, size - at, &columns);
        columns = columns < 0 ? 1 : columns;
        if ((size_t)columns > most - *ret)
            break;
    }
    return at;
}

size_t text_width(const char *words)
{
    size_t width;

    text_fitting(words, SIZE_MAX, &width);
    return width;
}

/* ---------------------------------------------------------------------------- numbers -- */

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool read_whole(const char *word, uint64_t least, uint64_t most, uint64_t *ret)
{
    unsigned long long value;
    char *end;

    errno = 0;
    value = strtoull(word, &end, 10);
    if (errno != 0 || !is_digit(*word) || *end != '\0' || value < least || value > most)
        return false;
    *ret = value;
    return true;
}

const char *decimal(uint64_t number, char ret[DECIMAL_TEXT])
{
    char *at = ret + DECIMAL_TEXT - 1;

    *at = '\0';
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return at;
}

int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

unsigned version_number(const char *version)
{
    char *end;
    unsigned long major = strtoul(version, &end, 10);
    unsigned long minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;

    return (unsigned)(100 * major + (minor < 99 ? minor : 99));
}

/* The decimal point is always ".", because main() sets only LC_CTYPE. */
static const char *shortest(double value, bool is_float, char ret[DOUBLE_TEXT])
{
    int digits = is_float ? 6 : 15, most = is_float ? 9 : 17;

    if (isnan(value)) /* the sign of a NaN means nothing */
        return memcpy(ret, "nan", sizeof("nan"));
    do
        snprintf(ret, DOUBLE_TEXT, "%.*g", digits, value);
    while (!isinf(value) && digits++ < most &&
           (is_float ? (double)strtof(ret, NULL) : strtod(ret, NULL)) != value);
    return ret;
}

const char *double_text(double value, char ret[DOUBLE_TEXT])
{
    return shortest(value, false, ret);
}

const char *float_text(float value, char ret[DOUBLE_TEXT])
{
    return shortest((double)value, true, ret);
}
