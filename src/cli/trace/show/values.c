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

void show_quoted(struct text *ret, const struct event_string *string)
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

static uint64_t cut_bits(const struct plan_value *value, uint64_t bits)
{
    unsigned above = 64 - 8U * value->size;

    return bits << above >> above;
}

static int64_t with_sign(const struct plan_value *value, uint64_t bits)
{
    unsigned above = 64 - 8U * value->size;

    return (int64_t)(bits << above) >> above;
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

void show_number(struct text *ret, const struct plan_value *value, uint64_t bits)
{
    char digits[DOUBLE_TEXT];

    switch (value->size ? value->kind : VALUE_STRING) {
    case VALUE_BOOL:
        text_add(ret, cut_bits(value, bits) ? "true" : "false");
        break;
    case VALUE_FLOAT:
        text_add(ret, float_text(float_of(bits), digits));
        break;
    case VALUE_DOUBLE:
        text_add(ret, double_text(double_of(bits), digits));
        break;
    case VALUE_INTEGER:
        bits = value->is_signed ? (uint64_t)with_sign(value, bits) : cut_bits(value, bits);
        if (value->is_signed && bits >> 63)
            text_add(ret, "-");
        show_digits(ret, value->is_signed && bits >> 63 ? 0 - bits : bits);
        break;
    case VALUE_POINTER:
    case VALUE_STRING:
        text_addf(ret, "0x%" PRIx64, bits);
    }
}

void show_json_number(struct json *json, const char *name, const struct plan_value *value,
                      uint64_t bits)
{
    char digits[DOUBLE_TEXT];

    switch (value->size ? value->kind : VALUE_STRING) {
    case VALUE_BOOL:
        json_bool(json, name, cut_bits(value, bits) != 0);
        break;
    case VALUE_FLOAT: /* 0.1, as the program wrote it: enough digits to get the float back */
        json_double(json, name, strtod(float_text(float_of(bits), digits), NULL));
        break;
    case VALUE_DOUBLE:
        json_double(json, name, double_of(bits));
        break;
    case VALUE_INTEGER:
        if (value->is_signed) {
            json_signed(json, name, with_sign(value, bits));
            break;
        }
        json_number(json, name, cut_bits(value, bits));
        break;
    case VALUE_POINTER:
    case VALUE_STRING:
        json_number(json, name, bits);
    }
}

/* ------------------------------------------------------------------------------ both -- */

void show_probe(struct text *ret, const struct plan_probe *probe)
{
    text_add_shown(ret, probe->provider, strlen(probe->provider));
    text_add(ret, ":");
    text_add_shown(ret, probe->name, strlen(probe->name));
}

bool show_unreadable(const struct event *event, size_t argument)
{
    return event->unreadable >> argument & 1 || event->variant->values[argument].size == 0;
}

void show_value(struct text *ret, const struct event *event, size_t argument)
{
    const struct plan_value *value = &event->variant->values[argument];

    if (show_unreadable(event, argument))
        text_add(ret, "?");
    else if (value->kind != VALUE_STRING)
        show_number(ret, value, event->values[argument]);
    else if (event->strings[argument].bytes)
        show_quoted(ret, &event->strings[argument]);
    else
        text_add(ret, "NULL");
}
