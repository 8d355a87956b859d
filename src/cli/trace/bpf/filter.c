/* SPDX-License-Identifier: MIT */
#include "cli/trace/bpf/emitter.h"
#include "cli/usdt/elf_file.h"

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

/* Go on if the key is in the range, or if it is not. */
static void add_range(struct emitter *emitter, const struct condition *condition, code_label *no)
{
    bool has_sign = value_has_sign(&emitter->values[condition->argument]);
    uint64_t least = has_sign ? (uint64_t)INT64_MIN : 0;
    struct code *code = &emitter->code;
    code_label yes = 0, *outside = condition->negated ? &yes : no;

    value_add_key(emitter, condition->argument);
    if (condition->empty) {
        if (!condition->negated)
            code_jump(code, no);
        return;
    }
    if (condition->low == condition->high) {
        code_jump_wide(code, condition->negated ? BPF_JEQ : BPF_JNE, R1, condition->low, R2, no);
        return;
    }
    if (condition->low != least)
        code_jump_wide(code, has_sign ? BPF_JSLT : BPF_JLT, R1, condition->low, R2, outside);
    if (condition->high != least - 1)
        code_jump_wide(code, has_sign ? BPF_JSGT : BPF_JGT, R1, condition->high, R2, outside);
    if (condition->negated)
        code_jump(code, no);
    code_place(code, yes);
}

#define CHUNK_BYTES 64 /* how much of a text is compared at a time; SCRATCH has two more */

/* Jump if the scratch differs from the bytes: 8 at a time, then 4, 2, 1. */
static void jump_if_bytes_differ(struct emitter *emitter, const char *bytes, size_t size,
                                 code_label *differs)
{
    size_t at = 0;

    for (size_t step = 8; step != 0; step /= 2)
        for (; size - at >= step; at += step) {
            uint64_t number = elf_number(emitter->context->kernel->is_big_endian, bytes + at, step);

            EMIT(emitter, load_of(step, R1, emitter->memory, SCRATCH + (int)at));
            code_jump_wide(&emitter->code, BPF_JNE, R1, number, R2, differs);
        }
}

/*
 * A part of the text is equal if reading it gives its size and a NUL; for the last part, one byte
 * more is asked for, so that a longer string gives more.
 */
static void add_text(struct emitter *emitter, const struct condition *condition, code_label *no)
{
    struct code *code = &emitter->code;
    code_label yes = 0, *differs = condition->negated ? &yes : no;
    size_t at = 0, left;

    value_add_key(emitter, condition->argument);
    code_jump_if(code, BPF_JEQ, R1, 0, differs); /* null */
    do {
        int size, more;

        left = condition->text_size - at;
        size = left > CHUNK_BYTES ? CHUNK_BYTES : (int)left;
        more = left > CHUNK_BYTES ? 1 : 2;
        value_read_text(emitter, condition->argument, SCRATCH, size + more, (int)at);
        code_jump_if(code, BPF_JSLT, R0, 0, no);
        code_jump_if(code, BPF_JNE, R0, size + 1, differs);
        jump_if_bytes_differ(emitter, condition->text + at, (size_t)size, differs);
        at += (size_t)size;
    } while (left > CHUNK_BYTES);
    if (condition->negated)
        code_jump(code, no);
    code_place(code, yes);
}

static void add_comparison(struct emitter *emitter, const struct condition *condition,
                           code_label *no)
{
    const struct plan_value *value = &emitter->values[condition->argument];

    if (!value_is_readable(value)) {
        code_jump(&emitter->code, no);
        return;
    }
    if (value_may_fail(value)) {
        value_add_unreadable(emitter, condition->argument);
        code_jump_if(&emitter->code, BPF_JNE, R1, 0, no);
    }
    condition->kind == CONDITION_TEXT ? add_text(emitter, condition, no)
                                      : add_range(emitter, condition, no);
}

static void add_any(struct emitter *emitter, const struct condition *condition, code_label *no)
{
    code_label yes = 0;

    for (size_t i = 0; i + 1 < condition->part_count; i++) {
        code_label next = 0;

        filter_add(emitter, &condition->parts[i], &next);
        code_jump(&emitter->code, &yes);
        code_place(&emitter->code, next);
    }
    if (condition->part_count != 0)
        filter_add(emitter, &condition->parts[condition->part_count - 1], no);
    code_place(&emitter->code, yes);
}

void filter_add(struct emitter *emitter, const struct condition *condition, code_label *no)
{
    if (condition->kind == CONDITION_ANY)
        add_any(emitter, condition, no);
    else if (condition->kind != CONDITION_ALL)
        add_comparison(emitter, condition, no);
    else
        for (size_t i = 0; i < condition->part_count; i++)
            filter_add(emitter, &condition->parts[i], no);
}
