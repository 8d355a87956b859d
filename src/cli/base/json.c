/* SPDX-License-Identifier: MIT */
#include "cli/base/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/base/text.h"

/*
 * The length of the UTF-8 character at `bytes`; 0 if the bytes are not UTF-8. The ranges of the
 * second byte exclude overlong forms, surrogates and values above U+10FFFF.
 */
static size_t character(const unsigned char *bytes, size_t size)
{
    static const struct {
        unsigned char first, last, low, high; /* the first byte, and the second */
        size_t size;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (bytes[0] < forms[i].first || bytes[0] > forms[i].last || forms[i].size > size)
            continue;
        if (forms[i].size > 1 && (bytes[1] < forms[i].low || bytes[1] > forms[i].high))
            return 0;
        for (size_t j = 2; j < forms[i].size; j++)
            if ((bytes[j] & 0xc0) != 0x80)
                return 0;
        return forms[i].size;
    }
    return 0;
}

/*
 * Whether a character is a control character, which a terminal may act on, or one that changes the
 * direction of writing. JSON can write these as numbers too.
 */
static bool is_obeyed(const unsigned char *at, size_t length, unsigned *ret_number)
{
    if (length == 1)
        *ret_number = *at;
    else if (length == 2)
        *ret_number = (at[0] & 0x1fU) << 6 | (at[1] & 0x3fU);
    else if (length == 3)
        *ret_number = (at[0] & 0xfU) << 12 | (at[1] & 0x3fU) << 6 | (at[2] & 0x3fU);
    else
        return false;
    return *ret_number < 0x20 || (*ret_number >= 0x7f && *ret_number < 0xa0) ||
           *ret_number == 0x061c || *ret_number == 0x200e || *ret_number == 0x200f ||
           (*ret_number >= 0x2028 && *ret_number <= 0x202e) ||
           (*ret_number >= 0x2066 && *ret_number <= 0x2069);
}

static void write_string(FILE *out, const char *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes, *end = at + size;

    fputc('"', out);
    while (at < end) {
        size_t length = character(at, (size_t)(end - at));

        unsigned number;

        if (is_obeyed(at, length, &number))
            fprintf(out, "\\u%04x", number);
        else if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (length == 0)
            fputs("\\ufffd", out);
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
    if (name)
        fprintf(json->out, "\"%s\":", name); /* the name is a constant without special characters */
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
    write_string(json->out, bytes, size);
}

void json_string(struct json *json, const char *name, const char *bytes)
{
    if (bytes)
        json_bytes(json, name, bytes, strlen(bytes));
    else
        json_null(json, name);
}

void json_number(struct json *json, const char *name, uint64_t value)
{
    begin(json, name);
    fprintf(json->out, "%" PRIu64, value);
}

void json_signed(struct json *json, const char *name, int64_t value)
{
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

void json_null(struct json *json, const char *name)
{
    begin(json, name);
    fputs("null", json->out);
}
