/* SPDX-License-Identifier: MIT */
/*
 * Converts an argument's bits to its value, for people and for JSON.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/table.h"
#include "cli/base/text.h"
#include "cli/trace/show/show.h"

/* How much of a string to show: without half a character of UTF-8 at its end, if it is cut. */
static size_t fitting(const struct event_string *string)
{
    for (size_t rest = 1; string->cut && rest <= 3 && rest <= string->size; rest++) {
        unsigned char c = (unsigned char)string->bytes[string->size - rest];

        if (c >= 0xc0 && rest < (c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2))
            return string->size - rest;
        if (c < 0x80 || c >= 0xc0)
            break;
    }
    return string->size;
}

static void add_quoted(struct text *ret, const struct event_string *string)
{
    static const char letters[] = "\n\t\r\"\\", escapes[] = "ntr\"\\";
    size_t size = fitting(string), from = 0;

    text_add(ret, "\"");
    for (size_t i = 0; i < size; i++) {
        const char c = string->bytes[i], *found = c > 0 && c <= '\\' ? strchr(letters, c) : NULL;

        if (!found)
            continue;
        text_add_shown(ret, string->bytes + from, i - from);
        text_addf(ret, "\\%c", escapes[found - letters]);
        from = i + 1;
    }
    text_add_shown(ret, string->bytes + from, size - from);
    text_add(ret, !string->cut ? "\"" : table_has_unicode() ? "\"…" : "\"...");
}

/* A float in as many digits as it takes to get it back: 0.1, as the program wrote it. */
static const char *floating(const struct shown *shown, char ret[DOUBLE_TEXT])
{
    uint32_t narrow = (uint32_t)shown->bits;
    double number;
    float single;

    memcpy(&single, &narrow, sizeof(single));
    memcpy(&number, &shown->bits, sizeof(number));
    return shown->type->kind == VALUE_FLOAT ? float_text(single, ret) : double_text(number, ret);
}

/* The number in 64 bits, with its sign or without. */
static uint64_t whole(const struct shown *shown)
{
    bool is_signed = shown->type->is_signed && shown->type->kind == VALUE_INTEGER;
    unsigned above = 64 - 8U * shown->type->size;
    uint64_t bits = shown->bits << above;

    return is_signed ? (uint64_t)((int64_t)bits >> above) : bits >> above;
}

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
    char digits[DOUBLE_TEXT];

    if (shown->unreadable) {
        text_add(ret, "?");
    } else if (shown->null) {
        text_add(ret, "NULL");
    } else if (shown->type->kind == VALUE_STRING) {
        add_quoted(ret, &shown->string);
    } else if (shown->type->kind == VALUE_BOOL) {
        text_add(ret, whole(shown) ? "true" : "false");
    } else if (shown->type->kind == VALUE_POINTER) {
        text_addf(ret, "0x%" PRIx64, whole(shown));
    } else if (value_is_float(shown->type)) {
        text_add(ret, floating(shown, digits));
    } else {
        bool negative = shown->type->is_signed && whole(shown) >> 63;

        text_add(ret, negative ? "-" : "");
        text_add(ret, decimal(negative ? 0 - whole(shown) : whole(shown), digits));
    }
}

void show_json(struct json *json, const char *name, const struct shown *shown)
{
    char digits[DOUBLE_TEXT];

    if (shown->unreadable || shown->null)
        json_null(json, name);
    else if (shown->type->kind == VALUE_STRING)
        json_bytes(json, name, shown->string.bytes, fitting(&shown->string));
    else if (shown->type->kind == VALUE_BOOL)
        json_bool(json, name, whole(shown) != 0);
    else if (value_is_float(shown->type))
        json_double(json, name, strtod(floating(shown, digits), NULL));
    else if (shown->type->kind == VALUE_INTEGER && shown->type->is_signed)
        json_signed(json, name, (int64_t)whole(shown));
    else
        json_number(json, name, whole(shown));
}
