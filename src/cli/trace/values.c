/* SPDX-License-Identifier: MIT */
/*
 * Converts an argument's bits to its value, for people and for JSON.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/json.h"
#include "cli/base/quote.h"
#include "cli/trace/trace.h"

void trace_add_quoted(struct text *ret, const char *bytes, size_t size)
{
    static const char letters[] = "\n\t\r\"\\", escapes[] = "ntr\"\\";
    const char *found;
    size_t from = 0;

    text_add(ret, "\"");
    for (size_t i = 0; i < size; i++) {
        found = bytes[i] ? strchr(letters, bytes[i]) : NULL;
        if (!found)
            continue;
        text_add_shown(ret, bytes + from, i - from);
        text_addf(ret, "\\%c", escapes[found - letters]);
        from = i + 1;
    }
    text_add_shown(ret, bytes + from, size - from);
    text_add(ret, "\"");
}

static uint64_t cut_bits(const struct trace_argument *argument, uint64_t bits)
{
    unsigned above = 64 - 8U * argument->size;

    return bits << above >> above;
}

static int64_t with_sign(const struct trace_argument *argument, uint64_t bits)
{
    unsigned above = 64 - 8U * argument->size;

    return (int64_t)(bits << above) >> above;
}

static float float_of(uint64_t bits)
{
    uint32_t narrow = (uint32_t)bits;
    float value;

    memcpy(&value, &narrow, sizeof(value));
    return value;
}

static double double_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

void trace_add_value(struct text *ret, const struct trace_argument *argument, uint64_t bits)
{
    char digits[DOUBLE_TEXT];

    switch (argument->kind) {
    case TRACE_BOOL:
        text_add(ret, cut_bits(argument, bits) ? "true" : "false");
        break;
    case TRACE_FLOAT:
        text_add(ret, float_text(float_of(bits), digits));
        break;
    case TRACE_DOUBLE:
        text_add(ret, double_text(double_of(bits), digits));
        break;
    case TRACE_POINTER:
    case TRACE_STRING:
        text_addf(ret, "0x%" PRIx64, bits);
        break;
    case TRACE_INTEGER:
        if (argument->is_signed)
            text_addf(ret, "%" PRId64, with_sign(argument, bits));
        else
            text_addf(ret, "%" PRIu64, cut_bits(argument, bits));
    }
}

void trace_json_value(struct json *json, const char *name, const struct trace_argument *argument,
                      uint64_t bits)
{
    char digits[DOUBLE_TEXT];

    switch (argument->kind) {
    case TRACE_BOOL:
        json_bool(json, name, cut_bits(argument, bits) != 0);
        break;
    case TRACE_FLOAT: /* 0.1, as the program wrote it: enough digits to get the float back */
        json_double(json, name, strtod(float_text(float_of(bits), digits), NULL));
        break;
    case TRACE_DOUBLE:
        json_double(json, name, double_of(bits));
        break;
    case TRACE_INTEGER:
        if (argument->is_signed) {
            json_signed(json, name, with_sign(argument, bits));
            break;
        }
        json_number(json, name, cut_bits(argument, bits));
        break;
    case TRACE_POINTER:
    case TRACE_STRING:
        json_number(json, name, bits);
    }
}
