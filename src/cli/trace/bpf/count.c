/* SPDX-License-Identifier: MIT */
#include "cli/trace/bpf/count.h"
#include "cli/trace/bpf/record.h"

/* In the stack, under the values. A string is read with two bytes more than the key keeps. */
#define KEY_ROOM (sizeof(struct count_key) + 8)

void count_add_variant(struct code *code, const struct program_options *options, size_t number)
{
    if (!options->by_cookie) {
        code_add_constant(code, BPF_REG_0, number);
        return;
    }
    code_add(code, INSN_ALU(BPF_MOV, BPF_REG_1, REG_CONTEXT));
    code_add(code, INSN_CALL(HELPER_ATTACH_COOKIE));
}

void count_add_to_counter(struct code *code, const struct program_options *options, int counter)
{
    code_add_map_value(code, BPF_REG_1, options->counters, 8 * (uint32_t)counter);
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_2, 1));
    code_add(code, INSN_ATOMIC_ADD(BPF_REG_1, BPF_REG_2));
}

/* ----------------------------------------------------------------------------------- bucket -- */

/* R1 = its magnitude, R3 = its sign: -1 or 0. */
static void take_sign(struct code *code)
{
    code_add(code, INSN_ALU(BPF_MOV, BPF_REG_3, BPF_REG_1));
    code_add(code, INSN_ALU_NUMBER(BPF_ARSH, BPF_REG_3, 63));
    code_add(code, INSN_ALU(BPF_XOR, BPF_REG_1, BPF_REG_3));
    code_add(code, INSN_ALU(BPF_SUB, BPF_REG_1, BPF_REG_3));
}

static void give_sign(struct code *code)
{
    code_add(code, INSN_ALU(BPF_XOR, BPF_REG_1, BPF_REG_3));
    code_add(code, INSN_ALU(BPF_SUB, BPF_REG_1, BPF_REG_3));
}

/* R1 = how many bits it has: if they are more than 32, shift by 32; then by 16, and so on. */
static void add_bit_count(struct code *code)
{
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_2, 0));
    for (int bits = 32; bits != 0; bits /= 2) {
        code_label fewer = code_new_label(code);

        code_jump_wide(code, BPF_JLT, BPF_REG_1, UINT64_C(1) << bits, BPF_REG_4, fewer);
        code_add(code, INSN_ALU_NUMBER(BPF_RSH, BPF_REG_1, bits));
        code_add(code, INSN_ALU_NUMBER(BPF_ADD, BPF_REG_2, bits));
        code_place(code, fewer);
    }
    code_add(code, INSN_ALU(BPF_ADD, BPF_REG_1, BPF_REG_2)); /* a bit is left, but of 0 */
}

/* R1 = the bucket of an argument's value. */
static void add_bucket(struct reader *reader, size_t argument)
{
    const struct plan_value *value = &reader->values[argument];
    struct code *code = &reader->code;
    code_label readable = code_new_label(code);
    bool is_float = value->kind == VALUE_FLOAT || value->kind == VALUE_DOUBLE;

    value_add_key(reader, argument);
    if (is_float || value->is_signed)
        take_sign(code);
    if (is_float)
        code_add(code, INSN_ALU_NUMBER(BPF_RSH, BPF_REG_1, value->kind == VALUE_FLOAT ? 23 : 52));
    else
        add_bit_count(code);
    if (is_float || value->is_signed)
        give_sign(code);
    if (!value_may_fail(value))
        return;
    code_add(code, INSN_ALU(BPF_MOV, BPF_REG_0, BPF_REG_1));
    value_add_unreadable(reader, argument);
    code_jump(code, BPF_JEQ, BPF_REG_1, 0, readable);
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_0, BUCKET_UNREADABLE));
    code_place(code, readable);
    code_add(code, INSN_ALU(BPF_MOV, BPF_REG_1, BPF_REG_0));
}

/* -------------------------------------------------------------------------------------- key -- */

#define FIELD(name) (key + (int)offsetof(struct count_key, name))

/* The key's rest is zero. */
static void add_string(struct reader *reader, size_t argument, int key)
{
    struct code *code = &reader->code;
    code_label none = code_new_label(code), known = code_new_label(code);

    value_add_key(reader, argument);
    code_jump(code, BPF_JEQ, BPF_REG_1, 0, none);
    value_read_string_anyway(reader, argument, BPF_REG_10, FIELD(by), TRACE_KEY_BYTES + 2, 0);
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_2, KEY_VALUE));
    code_jump(code, BPF_JSGT, BPF_REG_0, 0, known);
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_0, 1)); /* as of an empty string */
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_2, KEY_UNREADABLE));
    code_jump(code, BPF_JA, 0, 0, known);
    code_place(code, none);
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_0, 1));
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_2, KEY_UNREADABLE));
    value_add_unreadable(reader, argument);
    code_jump(code, BPF_JNE, BPF_REG_1, 0, known);
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_2, KEY_NULL));
    code_place(code, known);
    code_add(code, INSN_STORE(BPF_W, BPF_REG_10, FIELD(state), BPF_REG_2));
    code_add(code, INSN_ALU_NUMBER(BPF_SUB, BPF_REG_0, 1));
    code_add(code, INSN_STORE(BPF_W, BPF_REG_10, FIELD(size), BPF_REG_0));
}

static void add_number(struct reader *reader, size_t argument, int key)
{
    struct code *code = &reader->code;

    code_add(code, INSN_LOAD(BPF_DW, BPF_REG_1, BPF_REG_10, value_slot(reader, argument)));
    code_add(code, INSN_STORE(BPF_DW, BPF_REG_10, FIELD(by), BPF_REG_1));
    value_add_unreadable(reader, argument);
    code_add(code, INSN_ALU_NUMBER(BPF_MUL, BPF_REG_1, KEY_UNREADABLE)); /* or KEY_VALUE, 0 */
    code_add(code, INSN_STORE(BPF_W, BPF_REG_10, FIELD(state), BPF_REG_1));
}

static void add_key(struct reader *reader, const struct plan_probe *probe,
                    const struct program_options *options, int key)
{
    struct code *code = &reader->code;

    for (size_t at = 0; at < (options->string_keys ? KEY_ROOM : COUNT_KEY_SIZE(false)); at += 8)
        code_add(code, INSN_STORE_NUMBER(BPF_DW, BPF_REG_10, key + (int)at, 0));
    if (probe->by >= 0 && reader->values[probe->by].kind == VALUE_STRING)
        add_string(reader, (size_t)probe->by, key);
    else if (probe->by >= 0)
        add_number(reader, (size_t)probe->by, key);
    if (options->mode == TRACE_HISTOGRAM && probe->hist >= 0) {
        add_bucket(reader, (size_t)probe->hist);
        code_add(code, INSN_STORE(BPF_W, BPF_REG_10, FIELD(bucket), BPF_REG_1));
    }
}

/* ------------------------------------------------------------------------------------ count -- */

/* R0 = the address of this CPU's count, or null. */
static void find_count(struct code *code, const struct program_options *options, int key)
{
    code_add_map(code, BPF_REG_1, options->counts);
    code_add_sum(code, BPF_REG_2, BPF_REG_10, key);
    code_add(code, INSN_CALL(HELPER_MAP_LOOKUP));
}

void count_add(struct reader *reader, const struct plan_probe *probe,
               const struct program_options *options, size_t number)
{
    struct code *code = &reader->code;
    bool keyed = options->mode == TRACE_HISTOGRAM || probe->by >= 0;
    int key = reader->slots - (int)KEY_ROOM;
    code_label found = code_new_label(code), full = code_new_label(code);

    if (keyed)
        add_key(reader, probe, options, key);
    count_add_variant(code, options, number);
    code_add(code, INSN_STORE(BPF_W, BPF_REG_10, FIELD(variant), BPF_REG_0));
    find_count(code, options, key);
    if (keyed) { /* make it, unless another CPU has just done so */
        code_jump(code, BPF_JNE, BPF_REG_0, 0, found);
        code_add(code, INSN_STORE_NUMBER(BPF_DW, BPF_REG_10, SCRATCH, 0));
        code_add_map(code, BPF_REG_1, options->counts);
        code_add_sum(code, BPF_REG_2, BPF_REG_10, key);
        code_add_sum(code, BPF_REG_3, BPF_REG_10, SCRATCH);
        code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_4, BPF_NOEXIST));
        code_add(code, INSN_CALL(HELPER_MAP_UPDATE));
        find_count(code, options, key);
    }
    code_jump(code, BPF_JEQ, BPF_REG_0, 0, full);
    code_place(code, found);
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_1, 1));
    code_add(code, INSN_ATOMIC_ADD(BPF_REG_0, BPF_REG_1));
    code_add_exit(code);
    code_place(code, full);
    count_add_to_counter(code, options, COUNTER_UNCOUNTED);
}
