/* SPDX-License-Identifier: MIT */
#include <asm/ptrace.h>
#include <stddef.h>

#include "cli/trace/bpf/value.h"

/* The site's own address: the program counter in what a program gets as its context. */
#if defined(__x86_64__)
#define SITE_REGISTER offsetof(struct pt_regs, rip)
#elif defined(__aarch64__)
#define SITE_REGISTER offsetof(struct user_pt_regs, pc)
#else
#define SITE_REGISTER LOCATION_NO_REGISTER
#endif

#define PAGE 4096 /* or more; this is the smallest */

bool value_is_readable(const struct plan_value *value)
{
    return value->size != 0 && value->location.kind != LOCATION_NONE &&
           !(value->location.relative && SITE_REGISTER == LOCATION_NO_REGISTER);
}

bool value_may_fail(const struct plan_value *value)
{
    return !value_is_readable(value) || value->location.kind == LOCATION_MEMORY;
}

int value_slot(const struct reader *reader, size_t argument)
{
    return reader->slots + 8 * (int)argument;
}

/* to += a register of the process, times a scale. Uses R2. */
static void add_register(struct code *code, int to, uint16_t reg, uint8_t scale)
{
    if (reg == LOCATION_NO_REGISTER)
        return;
    code_add(code, INSN_LOAD(BPF_DW, BPF_REG_2, REG_CONTEXT, reg));
    if (scale > 1)
        code_add(code, INSN_ALU_NUMBER(BPF_MUL, BPF_REG_2, scale));
    code_add(code, INSN_ALU(BPF_ADD, to, BPF_REG_2));
}

/* to = number (+ the site's address) (+ base + index * scale) */
static void add_address(struct code *code, int to, const struct location *location)
{
    code_add_constant(code, to, (uint64_t)location->number);
    if (location->relative)
        add_register(code, to, SITE_REGISTER, 1);
    if (location->kind == LOCATION_MEMORY) {
        add_register(code, to, location->base, 1);
        add_register(code, to, location->index, location->scale);
    }
}

static int load_size(uint8_t bytes)
{
    return bytes == 8 ? BPF_DW : bytes == 4 ? BPF_W : bytes == 2 ? BPF_H : BPF_B;
}

/* The verifier does not know the register as the slot's value any more: see value.h. */
static void forget_slot(struct code *code, int reg)
{
    code_add(code, INSN_ALU_NUMBER(BPF_XOR, reg, 0));
}

/* R1 = what is in memory, which may be anywhere. A helper that fails clears the slot. */
static void load_memory(struct reader *reader, size_t argument)
{
    const struct plan_value *value = &reader->values[argument];
    struct code *code = &reader->code;
    int slot = value_slot(reader, argument);

    add_address(code, BPF_REG_3, &value->location);
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_2, value->size));
    code_add_sum(code, BPF_REG_1, BPF_REG_10, slot);
    code_add(code, INSN_CALL(reader->sleepable ? HELPER_COPY_FROM_USER : HELPER_READ_USER));
    code_add(code, INSN_ALU_NUMBER(BPF_RSH, BPF_REG_0, 63)); /* 1 if it was negative */
    code_add(code, INSN_ALU_NUMBER(BPF_LSH, BPF_REG_0, argument));
    code_add(code, INSN_ALU(BPF_OR, REG_UNREADABLE, BPF_REG_0));
    code_add(code, INSN_LOAD(load_size(value->size), BPF_REG_1, BPF_REG_10, slot));
}

/* R1's low bytes, extended to 64 bits by the sign or by zeros. */
static void extend(struct code *code, uint8_t size, bool is_signed)
{
    if (size == 8)
        return;
    code_add(code, INSN_ALU_NUMBER(BPF_LSH, BPF_REG_1, 64 - 8 * size));
    code_add(code, INSN_ALU_NUMBER(is_signed ? BPF_ARSH : BPF_RSH, BPF_REG_1, 64 - 8 * size));
}

void value_read(struct reader *reader, size_t argument)
{
    const struct plan_value *value = &reader->values[argument];
    struct code *code = &reader->code;

    if (!value_is_readable(value)) {
        code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_1, 0));
    } else if (value->location.kind == LOCATION_MEMORY) {
        load_memory(reader, argument);
        if (value->is_signed)
            extend(code, value->size, true);
    } else {
        if (value->location.kind == LOCATION_REGISTER)
            code_add(code, INSN_LOAD(BPF_DW, BPF_REG_1, REG_CONTEXT, value->location.base));
        else
            add_address(code, BPF_REG_1, &value->location);
        if (value->location.kind == LOCATION_REGISTER && value->location.shift != 0)
            code_add(code, INSN_ALU_NUMBER(BPF_RSH, BPF_REG_1, value->location.shift));
        extend(code, value->size, value->is_signed);
    }
    code_add(code, INSN_STORE(BPF_DW, BPF_REG_10, value_slot(reader, argument), BPF_REG_1));
}

void value_add_unreadable(struct reader *reader, size_t argument)
{
    code_add(&reader->code, INSN_ALU(BPF_MOV, BPF_REG_1, REG_UNREADABLE));
    code_add(&reader->code, INSN_ALU_NUMBER(BPF_RSH, BPF_REG_1, argument));
    code_add(&reader->code, INSN_ALU_NUMBER(BPF_AND, BPF_REG_1, 1));
}

void value_add_key(struct reader *reader, size_t argument)
{
    const struct plan_value *value = &reader->values[argument];
    struct code *code = &reader->code;

    code_add(code, INSN_LOAD(BPF_DW, BPF_REG_1, BPF_REG_10, value_slot(reader, argument)));
    if (value->kind == VALUE_FLOAT)
        extend(code, 4, true);
    if (value->kind != VALUE_FLOAT && value->kind != VALUE_DOUBLE) {
        forget_slot(code, BPF_REG_1);
        return;
    }
    code_add(code, INSN_ALU(BPF_MOV, BPF_REG_2, BPF_REG_1));
    code_add(code, INSN_ALU_NUMBER(BPF_ARSH, BPF_REG_2, 63)); /* -1 if it is negative, else 0 */
    code_add(code, INSN_ALU_NUMBER(BPF_LSH, BPF_REG_1, value->kind == VALUE_FLOAT ? 33 : 1));
    code_add(code, INSN_ALU_NUMBER(BPF_RSH, BPF_REG_1, value->kind == VALUE_FLOAT ? 33 : 1));
    code_add(code, INSN_ALU(BPF_XOR, BPF_REG_1, BPF_REG_2));
    code_add(code, INSN_ALU(BPF_SUB, BPF_REG_1, BPF_REG_2));
}

/* To read at null takes the kernel a page fault, so that something else is read then: the site. */
static void avoid_null(struct code *code, int address)
{
    code_label fine = code_new_label(code);

    forget_slot(code, address);
    code_jump(code, BPF_JNE, address, 0, fine);
    code_add(code, INSN_LOAD(BPF_DW, address, REG_CONTEXT, SITE_REGISTER));
    code_place(code, fine);
}

void value_read_string(struct reader *reader, size_t argument, int to, int32_t offset, int32_t size,
                       int32_t from)
{
    struct code *code = &reader->code;

    code_add(code, INSN_LOAD(BPF_DW, BPF_REG_3, BPF_REG_10, value_slot(reader, argument)));
    if (from != 0)
        code_add(code, INSN_ALU_NUMBER(BPF_ADD, BPF_REG_3, from));
    else if (SITE_REGISTER != LOCATION_NO_REGISTER)
        avoid_null(code, BPF_REG_3);
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_2, size));
    code_add_sum(code, BPF_REG_1, to, offset);
    code_add(code, INSN_CALL(HELPER_READ_USER_STRING));

    /* Of an empty string Linux 6.1 gives 0, Linux 6.18 gives 1: add 1 to 0. */
    code_add(code, INSN_ALU(BPF_MOV, BPF_REG_1, BPF_REG_0));
    code_add(code, INSN_ALU_NUMBER(BPF_NEG, BPF_REG_1, 0));
    code_add(code, INSN_ALU(BPF_OR, BPF_REG_1, BPF_REG_0));
    code_add(code, INSN_ALU_NUMBER(BPF_RSH, BPF_REG_1, 63));
    code_add(code, INSN_ALU_NUMBER(BPF_XOR, BPF_REG_1, 1));
    code_add(code, INSN_ALU(BPF_ADD, BPF_REG_0, BPF_REG_1));
}

void value_touch_string(struct reader *reader, size_t argument, int32_t size, int32_t from)
{
    struct code *code = &reader->code;

    for (int32_t at = 0;; at = at + PAGE < size ? at + PAGE : size - 1) {
        code_add(code, INSN_LOAD(BPF_DW, BPF_REG_3, BPF_REG_10, value_slot(reader, argument)));
        if (from + at != 0)
            code_add(code, INSN_ALU_NUMBER(BPF_ADD, BPF_REG_3, from + at));
        code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_2, 1));
        code_add_sum(code, BPF_REG_1, BPF_REG_10, SCRATCH);
        code_add(code, INSN_CALL(HELPER_COPY_FROM_USER));
        if (at == size - 1)
            return;
    }
}

void value_read_string_anyway(struct reader *reader, size_t argument, int to, int32_t offset,
                              int32_t size, int32_t from)
{
    code_label read;

    value_read_string(reader, argument, to, offset, size, from);
    if (!reader->sleepable)
        return;
    read = code_new_label(&reader->code);
    code_jump(&reader->code, BPF_JSGE, BPF_REG_0, 0, read);
    value_touch_string(reader, argument, size, from);
    value_read_string(reader, argument, to, offset, size, from);
    code_place(&reader->code, read);
}
