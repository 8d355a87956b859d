/* SPDX-License-Identifier: MIT */
/*
 * Converts an argument's bits to its value, for people and for JSON.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/quote.h"
#include "cli/base/table.h"
#include "cli/trace/show/show.h"

/* ----------------------------------------------------------------------------------- strings -- */

size_t show_fitting(const struct event_string *string)
{
    const unsigned char *bytes = (const unsigned char *)string->bytes;
    size_t lead = string->size, length;

    if (!string->cut)
        return string->size;
    while (lead > 0 && string->size - lead < 3 && (bytes[lead - 1] & 0xc0) == 0x80)
        lead--;
    if (lead == 0 || bytes[lead - 1] < 0xc0)
        return string->size;
    length = bytes[lead - 1] >= 0xf0 ? 4 : bytes[lead - 1] >= 0xe0 ? 3 : 2;
    return length > string->size - lead + 1 ? lead - 1 : string->size;
}

static void add_quoted(struct text *ret, const struct event_string *string)
{
    static const char letters[] = "\n\t\r\"\\", escapes[] = "ntr\"\\";
    size_t size = show_fitting(string), from = 0;
    const char *found;

    text_add_bytes(ret, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        char c = string->bytes[i];

        found = c == '"' || c == '\\' || (c < ' ' && c > 0) ? strchr(letters, c) : NULL;
        if (!found)
            continue;
        text_add_shown(ret, string->bytes + from, i - from);
        text_addf(ret, "\\%c", escapes[found - letters]);
        from = i + 1;
    }
    text_add_shown(ret, string->bytes + from, size - from);
    text_add_bytes(ret, "\"", 1);
    if (string->cut)
        text_add(ret, table_has_unicode() ? "…" : "...");
}

/* ----------------------------------------------------------------------------------- numbers -- */

void show_digits(struct text *ret, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    text_add_bytes(ret, digits + at, sizeof(digits) - at);
}

/* The number in 64 bits, with its sign or without. */
static uint64_t whole(const struct plan_value *type, uint64_t bits)
{
    unsigned above = 64 - 8U * type->size;

    bits <<= above;
    return type->is_signed ? (uint64_t)((int64_t)bits >> above) : bits >> above;
}

static float float_of(uint64_t bits)
{
    uint32_t narrow = (uint32_t)bits;
    float number;

    memcpy(&number, &narrow, sizeof(number));
    return number;
}

static double double_of(uint64_t bits)
{
    double number;

    memcpy(&number, &bits, sizeof(number));
    return number;
}

static void add_number(struct text *ret, const struct plan_value *type, uint64_t bits)
{
    char digits[DOUBLE_TEXT];

    switch (type->kind) {
    case VALUE_BOOL:
        text_add(ret, whole(type, bits) ? "true" : "false");
        break;
    case VALUE_FLOAT:
        text_add(ret, float_text(float_of(bits), digits));
        break;
    case VALUE_DOUBLE:
        text_add(ret, double_text(double_of(bits), digits));
        break;
    case VALUE_INTEGER:
        bits = whole(type, bits);
        if (type->is_signed && bits >> 63) {
            text_add(ret, "-");
            bits = 0 - bits;
        }
        show_digits(ret, bits);
        break;
    case VALUE_POINTER:
    case VALUE_STRING:
        text_addf(ret, "0x%" PRIx64, bits);
    }
}

static void write_number(struct json *json, const char *name, const struct plan_value *type,
                         uint64_t bits)
{
    char digits[DOUBLE_TEXT];

    switch (type->kind) {
    case VALUE_BOOL:
        json_bool(json, name, whole(type, bits) != 0);
        break;
    case VALUE_FLOAT: /* 0.1, as the program wrote it: enough digits to get the float back */
        json_double(json, name, strtod(float_text(float_of(bits), digits), NULL));
        break;
    case VALUE_DOUBLE:
        json_double(json, name, double_of(bits));
        break;
    case VALUE_INTEGER:
        if (type->is_signed)
            json_signed(json, name, (int64_t)whole(type, bits));
        else
            json_number(json, name, whole(type, bits));
        break;
    case VALUE_POINTER:
    case VALUE_STRING:
        json_number(json, name, bits);
    }
}

/* ----------------------------------------------------------------------------------- either -- */

struct shown shown_argument(const struct event *event, size_t argument)
{
    const struct plan_value *type = &event->variant->values[argument];
    const struct event_string *string = &event->strings[argument];

    return (struct shown){
        .type = type,
        .unreadable = event->unreadable >> argument & 1 || type->size == 0,
        .null = type->kind == VALUE_STRING && !string->bytes,
        .bits = event->values[argument],
        .string = *string,
    };
}

void show_value(struct text *ret, const struct shown *shown)
{
    if (shown->unreadable)
        text_add(ret, "?");
    else if (shown->null)
        text_add(ret, "NULL");
    else if (shown->type->kind == VALUE_STRING)
        add_quoted(ret, &shown->string);
    else
        add_number(ret, shown->type, shown->bits);
}

void show_json(struct json *json, const char *name, const struct shown *shown)
{
    if (shown->unreadable || shown->null)
        json_null(json, name);
    else if (shown->type->kind == VALUE_STRING)
        json_bytes(json, name, shown->string.bytes, show_fitting(&shown->string));
    else
        write_number(json, name, shown->type, shown->bits);
}

void show_probe(struct text *ret, const struct plan_probe *probe)
{
    text_add_shown(ret, probe->provider, strlen(probe->provider));
    text_add(ret, ":");
    text_add_shown(ret, probe->name, strlen(probe->name));
}
