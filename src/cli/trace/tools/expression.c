/* SPDX-License-Identifier: MIT */
/*
 * Arguments and conditions as expressions for bpftrace. Its versions differ in signs, widths and
 * large constants. They agree on one thing: how they compare one int64 with another. So a condition
 * compares the argument as an int64 that has the same order.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/trace/tools/tool.h"

const char *register_name(uint16_t offset)
{
    static const char *const names[] = {"r15", "r14", "r13", "r12", "bp", "bx", "r11",
                                        "r10", "r9",  "r8",  "ax",  "cx", "dx", "si",
                                        "di",  "",    "ip",  "",    "",   "sp"};

    return names[offset / 8];
}

/* Add the argument in 64 bits. Those above its size mean nothing. */
static void add_raw(struct text *ret, const struct tool_argument *argument, size_t index)
{
    const struct location *at = &argument->value.location;
    const char *between = "";

    if (!argument->by_place) {
        text_addf(ret, "arg%zu", index);
        return;
    }
    text_add(ret, "(");
    if (at->kind == LOCATION_MEMORY)
        text_addf(ret, "*(uint%d*)", 8 * argument->value.size);
    text_add(ret, "(");
    if (at->base != LOCATION_NO_REGISTER) {
        text_addf(ret, "reg(\"%s\")", register_name(at->base));
        between = " + ";
    }
    if (at->index != LOCATION_NO_REGISTER) {
        text_addf(ret, "%sreg(\"%s\") * %d", between, register_name(at->index), at->scale);
        between = " + ";
    }
    if (at->shift)
        text_addf(ret, " >> %d", at->shift);
    if (at->number || !*between)
        text_addf(ret, "%s%" PRId64, between, at->number);
    text_add(ret, "))");
}

/* Add the argument with zeros above its size. */
static void add_unsigned(struct text *ret, const struct tool_argument *argument, size_t index)
{
    bool narrow = argument->value.size < 8;

    text_add(ret, narrow ? "((uint64)" : "(uint64)");
    add_raw(ret, argument, index);
    if (narrow)
        text_addf(ret, " & 0x%llx)", (1ULL << (8 * argument->value.size)) - 1);
}

void add_expression(struct text *ret, const struct tool_argument *argument, size_t index)
{
    if (argument->value.kind != VALUE_STRING && argument->value.is_signed) {
        text_addf(ret, "(int64)(int%d)", 8 * argument->value.size);
        add_raw(ret, argument, index);
    } else if (argument->value.kind != VALUE_STRING) {
        add_unsigned(ret, argument, index);
    } else {
        add_raw(ret, argument, index);
    }
}

/* ---------------------------------------------------------------------------- conditions -- */

static void add_number(struct text *ret, int64_t number)
{
    if (number == INT64_MIN) /* its digits without the sign are not an int64 */
        text_add(ret, "(-9223372036854775807 - 1)");
    else
        text_addf(ret, "%" PRId64, number);
}

/* Add FROM <= argument <= TO. `top` moves numbers so that their order is that of int64. */
static void add_between(struct text *ret, const struct tool_argument *argument, size_t index,
                        uint64_t top, uint64_t low, uint64_t high)
{
    const uint64_t ends[] = {low, high};

    for (size_t i = low == high; i < 2; i++) {
        text_add(ret, i == 0 || low == high ? "((int64)(" : " && (int64)(");
        add_unsigned(ret, argument, index);
        if (top)
            text_addf(ret, " ^ (1 << %d)", 63 - __builtin_clzll(top));
        text_add(ret, low == high ? ") == " : i == 0 ? ") >= " : ") <= ");
        add_number(ret, (int64_t)ends[i]);
    }
    text_add(ret, ")");
}

static void add_range(struct text *ret, const struct tool_argument *argument, size_t index,
                      const struct condition_range *range)
{
    unsigned size = argument->value.size;
    uint64_t top = UINT64_C(1) << (8 * size - 1);
    int64_t low = (int64_t)range->low, high = (int64_t)range->high;

    if (argument->value.kind == VALUE_FLOAT || argument->value.kind == VALUE_DOUBLE) {
        /* The bits of numbers below 0 have the sign and then grow downwards. */
        if (low < 0)
            add_between(ret, argument, index, 0, top - (uint64_t)(high < 0 ? high : 0),
                        top - (uint64_t)low);
        text_add(ret, low < 0 && high >= 0 ? " || " : "");
        if (high >= 0)
            add_between(ret, argument, index, 0, low < 0 ? 0 : (uint64_t)low, (uint64_t)high);
    } else if (argument->value.is_signed && size < 8) {
        add_between(ret, argument, index, top, (uint64_t)low + top, (uint64_t)high + top);
    } else if (!argument->value.is_signed && size == 8) {
        add_between(ret, argument, index, top, (uint64_t)low ^ top, (uint64_t)high ^ top);
    } else {
        add_between(ret, argument, index, 0, (uint64_t)low, (uint64_t)high);
    }
}

static void add_text(struct text *ret, const struct tool_argument *argument,
                     const struct condition *condition)
{
    text_add(ret, "str(");
    add_raw(ret, argument, condition->argument);
    text_add(ret, condition->negated ? ") != \"" : ") == \"");
    for (size_t i = 0; i < condition->text_size; i++) {
        char c = condition->text[i];

        if (c >= ' ' && c <= '~' && c != '"' && c != '\'' && c != '\\')
            text_add_bytes(ret, &c, 1);
        else
            text_addf(ret, "\\x%02x", (unsigned char)c);
    }
    text_add(ret, "\"");
}

void add_condition(struct text *ret, const struct tool_argument *arguments,
                   const struct condition *condition)
{
    const struct tool_argument *argument = &arguments[condition->argument];

    text_add(ret, condition->negated && condition->kind == CONDITION_RANGE ? "!(" : "(");
    for (size_t i = 0; i < condition->part_count; i++) {
        text_add(ret, i == 0 ? "" : condition->kind == CONDITION_ALL ? " && " : " || ");
        add_condition(ret, arguments, &condition->parts[i]);
    }
    if (condition->part_count == 0 && argument->value.size == 0)
        text_add(ret,
                 condition->negated && condition->kind == CONDITION_RANGE ? "1 == 1" : "1 == 0");
    else if (condition->kind == CONDITION_TEXT)
        add_text(ret, argument, condition);
    else if (condition->kind == CONDITION_RANGE && condition->range_count == 0)
        text_add(ret, "1 == 0");
    for (size_t i = 0; argument->value.size > 0 && i < condition->range_count; i++) {
        text_add(ret, i ? " || " : "");
        add_range(ret, argument, condition->argument, &condition->ranges[i]);
    }
    text_add(ret, ")");
}
