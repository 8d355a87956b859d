/* SPDX-License-Identifier: MIT */
#include "cli/base/text.h"

#include <math.h>
#include <stdarg.h>
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

void text_addf(struct text *text, const char *format, ...)
{
    char *words = NULL;
    va_list args;
    int length;

    va_start(args, format);
    length = vasprintf(&words, format, args);
    va_end(args);
    sure(length < 0 ? NULL : words);
    text_add_bytes(text, words, (size_t)length);
    free(words);
}

/* The decimal point is always ".", because main() sets only LC_CTYPE. */
const char *double_text(double value, char ret[DOUBLE_TEXT])
{
    if (isnan(value)) /* the sign of a NaN means nothing */
        return memcpy(ret, "nan", sizeof("nan"));
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(ret, DOUBLE_TEXT, "%.*g", digits, value);
        if (strtod(ret, NULL) == value || isinf(value))
            break;
    }
    return ret;
}

const char *float_text(float value, char ret[DOUBLE_TEXT])
{
    if (isnan(value))
        return memcpy(ret, "nan", sizeof("nan"));
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(ret, DOUBLE_TEXT, "%.*g", digits, (double)value);
        if (strtof(ret, NULL) == value || isinf(value))
            break;
    }
    return ret;
}
