/* SPDX-License-Identifier: MIT */
#include "cli/base/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/base/text.h"

/*
 * Decode a character of UTF-8. Gives its length; 0 if the bytes are not UTF-8: cut, overlong, a
 * surrogate or above U+10FFFF.
 */
static size_t decode(const unsigned char *at, size_t size, uint32_t *ret)
{
    static const struct {
        unsigned char mask, mark; /* of the first byte */
        uint32_t least;
    } forms[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    uint32_t number;
    size_t length;

    for (length = 0; length < 4 && (*at & forms[length].mask) != forms[length].mark; length++)
        ;
    if (length == 4 || length >= size)
        return 0;
    number = *at & ~forms[length].mask & 0xffU;
    for (size_t i = 1; i <= length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        number = number << 6 | (at[i] & 0x3fU);
    }
    *ret = number;
    if (number < forms[length].least || number > 0x10ffff || (number >> 11) == 0xd800 >> 11)
        return 0;
    return length + 1;
}

/*
 * Whether a character is a control character, which a terminal may act on, or one that changes the
 * direction of writing. JSON can write these as numbers too.
 */
static bool is_obeyed(uint32_t character)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {{0, 0x1f},        {0x7f, 0x9f},     {0x61c, 0x61c},
                  {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069}};

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (character >= ranges[i].first && character <= ranges[i].last)
            return true;
    return false;
}

/* How many bytes at the start JSON writes as they are. */
static size_t plain_length(const unsigned char *at, const unsigned char *end)
{
    const unsigned char *from = at;

    while (at < end && *at >= ' ' && *at < 0x7f && *at != '"' && *at != '\\')
        at++;
    return (size_t)(at - from);
}

static void write_string(FILE *out, const char *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes, *end = at + size;

    fputc('"', out);
    while ((at += fwrite(at, 1, plain_length(at, end), out)) < end) {
        uint32_t number;
        size_t length = decode(at, (size_t)(end - at), &number);

        if (length == 0)
            fputs("\\ufffd", out);
        else if (is_obeyed(number))
            fprintf(out, "\\u%04x", number);
        else if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else
            fwrite(at, 1, length, out);
        at += length ? length : 1;
    }
    fputc('"', out);
}

static void begin(struct json *json, const char *name)
{
    if (json->begun)
        fputc(',', json->out);
    json->begun = true;
    if (!name)
        return;
    fputc('"', json->out);
    fputs(name, json->out); /* a constant without special characters */
    fputs("\":", json->out);
}

void json_open(struct json *json, const char *name, char bracket)
{
    begin(json, name);
    fputc(bracket, json->out);
    json->begun = false;
}

void json_close(struct json *json, char bracket)
{
    fputc(bracket == '{' ? '}' : ']', json->out);
    json->begun = true;
}

void json_bytes(struct json *json, const char *name, const char *bytes, size_t size)
{
    begin(json, name);
    if (bytes)
        write_string(json->out, bytes, size);
    else
        fputs("null", json->out);
}

void json_string(struct json *json, const char *name, const char *bytes)
{
    json_bytes(json, name, bytes, bytes ? strlen(bytes) : 0);
}

void json_null(struct json *json, const char *name)
{
    json_bytes(json, name, NULL, 0);
}

void json_number(struct json *json, const char *name, uint64_t value)
{
    char digits[DECIMAL_TEXT];

    begin(json, name);
    fputs(decimal(value, digits), json->out);
}

void json_signed(struct json *json, const char *name, int64_t value)
{
    if (value >= 0) {
        json_number(json, name, (uint64_t)value);
        return;
    }
    begin(json, name);
    fprintf(json->out, "%" PRId64, value);
}

void json_double(struct json *json, const char *name, double value)
{
    char digits[DOUBLE_TEXT];

    begin(json, name);
    /* "-0" is read as an integer, which loses the sign */
    fprintf(json->out, isfinite(value) ? "%s%s" : "\"%s%s\"", double_text(value, digits),
            value == 0 && signbit(value) ? ".0" : "");
}

void json_bool(struct json *json, const char *name, bool value)
{
    begin(json, name);
    fputs(value ? "true" : "false", json->out);
}
