/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "cli/trace/bpf/filter.h"

uint32_t filter_arguments(const struct condition *condition)
{
    uint32_t arguments = 0;

    if (!condition)
        return 0;
    if (condition->kind == CONDITION_RANGE || condition->kind == CONDITION_TEXT)
        return UINT32_C(1) << condition->argument;
    for (size_t i = 0; i < condition->part_count; i++)
        arguments |= filter_arguments(&condition->parts[i]);
    return arguments;
}

/* ----------------------------------------------------------------------------------- ranges -- */

/* Jump if R1, a key, is in the range, or if it is not. */
static void jump_by_range(struct code *code, bool is_signed, const struct condition_range *range,
                          bool inside, code_label label)
{
    uint64_t least = is_signed ? (uint64_t)INT64_MIN : 0;
    uint64_t most = is_signed ? (uint64_t)INT64_MAX : UINT64_MAX;
    code_label outside = inside ? code_new_label(code) : label;

    if (range->low == range->high) {
        code_jump_wide(code, inside ? BPF_JEQ : BPF_JNE, BPF_REG_1, range->low, BPF_REG_2, label);
    } else {
        if (range->low != least)
            code_jump_wide(code, is_signed ? BPF_JSLT : BPF_JLT, BPF_REG_1, range->low, BPF_REG_2,
                           outside);
        if (range->high != most)
            code_jump_wide(code, is_signed ? BPF_JSGT : BPF_JGT, BPF_REG_1, range->high, BPF_REG_2,
                           outside);
        if (inside)
            code_jump(code, BPF_JA, 0, 0, label);
    }
    if (inside)
        code_place(code, outside);
}

static bool has_signed_key(const struct plan_value *value)
{
    return value->is_signed || value->kind == VALUE_FLOAT || value->kind == VALUE_DOUBLE;
}

static void add_range(struct reader *reader, const struct condition *condition, code_label no)
{
    struct code *code = &reader->code;
    bool is_signed = has_signed_key(&reader->values[condition->argument]);
    code_label yes = code_new_label(code);

    value_add_key(reader, condition->argument);
    for (size_t i = 0; i < condition->range_count; i++) {
        bool last = i + 1 == condition->range_count && !condition->negated;

        jump_by_range(code, is_signed, &condition->ranges[i], !last,
                      condition->negated || last ? no : yes);
    }
    if (condition->range_count == 0 && !condition->negated)
        code_jump(code, BPF_JA, 0, 0, no);
    code_place(code, yes);
}

/* ------------------------------------------------------------------------------------ texts -- */

#define CHUNK_BYTES 64 /* how much of a text is compared at a time; SCRATCH has two more */

/* Jump if the scratch differs from the bytes: 8 at a time, then 4, 2, 1. */
static void jump_if_bytes_differ(struct code *code, const char *bytes, size_t size,
                                 code_label differs)
{
    static const struct {
        size_t size;
        int load;
    } words[] = {{8, BPF_DW}, {4, BPF_W}, {2, BPF_H}, {1, BPF_B}};
    size_t at = 0;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (; size - at >= words[i].size; at += words[i].size) {
            union {
                uint64_t quad;
                uint32_t word;
                uint16_t half;
                uint8_t byte;
            } number = {0};

            memcpy(&number, bytes + at, words[i].size);
            code_add(code, INSN_LOAD(words[i].load, BPF_REG_1, BPF_REG_10, SCRATCH + (int)at));
            code_jump_wide(code, BPF_JNE, BPF_REG_1,
                           words[i].size == 8   ? number.quad
                           : words[i].size == 4 ? number.word
                           : words[i].size == 2 ? number.half
                                                : number.byte,
                           BPF_REG_2, differs);
        }
    }
}

/*
 * A part of the text is equal if reading it gives its size and a NUL; for the last part, one byte
 * more is asked for, so that a longer string gives more.
 */
static void add_text(struct reader *reader, const struct condition *condition, code_label no)
{
    struct code *code = &reader->code;
    code_label differs = condition->negated ? code_new_label(code) : no;
    size_t at = 0, left;

    value_add_key(reader, condition->argument);
    code_jump(code, BPF_JEQ, BPF_REG_1, 0, differs); /* null */
    do {
        size_t size, room;

        left = condition->text_size - at;
        size = left > CHUNK_BYTES ? CHUNK_BYTES : left;
        room = size + (left > CHUNK_BYTES ? 1 : 2);
        value_read_string_anyway(reader, condition->argument, BPF_REG_10, SCRATCH, (int32_t)room,
                                 (int32_t)at);
        code_jump(code, BPF_JSLT, BPF_REG_0, 0, no);
        code_jump(code, BPF_JNE, BPF_REG_0, (int32_t)size + 1, differs);
        jump_if_bytes_differ(code, condition->text + at, size, differs);
        at += size;
    } while (left > CHUNK_BYTES);
    if (condition->negated) {
        code_jump(code, BPF_JA, 0, 0, no);
        code_place(code, differs);
    }
}

/* ------------------------------------------------------------------------------------------ -- */

static void add_comparison(struct reader *reader, const struct condition *condition, code_label no)
{
    const struct plan_value *value = &reader->values[condition->argument];

    if (!value_is_readable(value)) {
        code_jump(&reader->code, BPF_JA, 0, 0, no);
        return;
    }
    if (value_may_fail(value)) {
        value_add_unreadable(reader, condition->argument);
        code_jump(&reader->code, BPF_JNE, BPF_REG_1, 0, no);
    }
    condition->kind == CONDITION_TEXT ? add_text(reader, condition, no)
                                      : add_range(reader, condition, no);
}

static void add_any(struct reader *reader, const struct condition *condition, code_label no)
{
    struct code *code = &reader->code;
    code_label yes = code_new_label(code);

    for (size_t i = 0; i + 1 < condition->part_count; i++) {
        code_label next = code_new_label(code);

        filter_add(reader, &condition->parts[i], next);
        code_jump(code, BPF_JA, 0, 0, yes);
        code_place(code, next);
    }
    if (condition->part_count != 0)
        filter_add(reader, &condition->parts[condition->part_count - 1], no);
    code_place(code, yes);
}

void filter_add(struct reader *reader, const struct condition *condition, code_label no)
{
    switch (condition->kind) {
    case CONDITION_ALL:
        for (size_t i = 0; i < condition->part_count; i++)
            filter_add(reader, &condition->parts[i], no);
        break;
    case CONDITION_ANY:
        add_any(reader, condition, no);
        break;
    case CONDITION_RANGE:
    case CONDITION_TEXT:
        add_comparison(reader, condition, no);
        break;
    }
}
