/* SPDX-License-Identifier: MIT */
#include "cli/base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
