/* SPDX-License-Identifier: MIT */
#include "cli/trace/bpf/emitter.h"

/* In the memory, under the values. */
#define FIELD(name) (emitter->values_at - COUNT_KEY_ROOM + (int)offsetof(struct count_key, name))

void count_add_variant(struct emitter *emitter)
{
    if (!emitter->options->by_cookie) {
        code_add_constant(&emitter->code, R0, emitter->variant);
        return;
    }
    slot_pass_context(emitter);
    EMIT(emitter, CALL(get_attach_cookie));
}

void count_add_to_counter(struct emitter *emitter, int counter)
{
    int offset = 8 * counter;

    EMIT(emitter, LOAD_MAP_VALUE(R1, emitter->options->counters, offset), ALUI(MOV, R2, 1),
         ATOMIC_ADD(R1, 0, R2));
}

/* R1 = how many bits it has: if they are more than 32, shift by 32; then by 16, and so on. */
static void add_bit_count(struct emitter *emitter)
{
    EMIT(emitter, ALUI(MOV, R2, 0));
    for (int bits = 32; bits != 0; bits /= 2) {
        code_label fewer = 0;

        code_jump_wide(&emitter->code, BPF_JLT, R1, UINT64_C(1) << bits, R4, &fewer);
        EMIT(emitter, ALUI(RSH, R1, bits), ALUI(ADD, R2, bits));
        code_place(&emitter->code, fewer);
    }
    EMIT(emitter, ALU(ADD, R1, R2)); /* a bit is left, but of 0 */
}

/* The bucket of an argument's value: with R3 its sign, -1 or 0, that of its magnitude. */
static void add_bucket(struct emitter *emitter, size_t argument)
{
    const struct plan_value *value = &emitter->values[argument];
    bool has_sign = value_has_sign(value);
    code_label readable = 0;

    value_add_key(emitter, argument);
    EMIT(emitter, ALU(MOV, ORDER, R1));
    if (has_sign) {
        code_add_constant(&emitter->code, R2, UINT64_C(1) << 63);
        EMIT(emitter, ALU(XOR, ORDER, R2));
        EMIT(emitter, ALU(MOV, R3, R1), ALUI(ARSH, R3, 63), ALU(XOR, R1, R3), ALU(SUB, R1, R3));
    }
    EMIT(emitter, ALU(MOV, MAGNITUDE, R1));
    if (value_is_float(value))
        EMIT(emitter, ALUI(RSH, R1, value->kind == VALUE_FLOAT ? 23 : 52));
    else
        add_bit_count(emitter);
    if (has_sign)
        EMIT(emitter, ALU(XOR, R1, R3), ALU(SUB, R1, R3));
    if (value_may_fail(value)) {
        EMIT(emitter, ALU(MOV, R0, R1));
        value_add_unreadable(emitter, argument);
        code_jump_if(&emitter->code, BPF_JEQ, R1, 0, &readable);
        EMIT(emitter, ALUI(MOV, R0, BUCKET_UNREADABLE));
        code_place(&emitter->code, readable);
        EMIT(emitter, ALU(MOV, R1, R0));
    }
    EMIT(emitter, STORE(W, emitter->memory, FIELD(bucket), R1));
}

/* The key's rest is zero. */
static void add_string(struct emitter *emitter, size_t argument)
{
    struct code *code = &emitter->code;
    code_label none = 0, known = 0;

    value_add_key(emitter, argument);
    code_jump_if(code, BPF_JEQ, R1, 0, &none);
    value_read_text(emitter, argument, FIELD(by), TRACE_KEY_BYTES + 2, 0);
    EMIT(emitter, ALUI(MOV, R2, KEY_VALUE));
    code_jump_if(code, BPF_JSGT, R0, 0, &known);
    EMIT(emitter, ALUI(MOV, R0, 1), ALUI(MOV, R2, KEY_UNREADABLE)); /* as of an empty string */
    code_jump(code, &known);
    code_place(code, none);
    EMIT(emitter, ALUI(MOV, R0, 1), ALUI(MOV, R2, KEY_UNREADABLE));
    value_add_unreadable(emitter, argument);
    code_jump_if(code, BPF_JNE, R1, 0, &known);
    EMIT(emitter, ALUI(MOV, R2, KEY_NULL));
    code_place(code, known);
    EMIT(emitter, STORE(W, emitter->memory, FIELD(state), R2), ALUI(SUB, R0, 1),
         STORE(W, emitter->memory, FIELD(size), R0));
}

static void add_number(struct emitter *emitter, size_t argument)
{
    EMIT(emitter, LOAD(DW, R1, emitter->memory, value_slot(emitter, argument)),
         STORE(DW, emitter->memory, FIELD(by), R1));
    value_add_unreadable(emitter, argument);
    EMIT(emitter, ALUI(MUL, R1, KEY_UNREADABLE), /* or KEY_VALUE, 0 */
         STORE(W, emitter->memory, FIELD(state), R1));
}

/*
 * Add the value to the sums at R0, and make it the highest if it is. Programs on one CPU may
 * interrupt each other where they may sleep, so the highest is exchanged only for what was compared
 * with; and compared again if it has changed meanwhile, which hardly happens twice.
 */
static void add_value(struct emitter *emitter)
{
    const int highest = offsetof(struct count_value, highest);
    code_label done = 0;

    EMIT(emitter, ALU(MOV, R1, MAGNITUDE), ALUI(LSH, R1, 32), ALUI(RSH, R1, 32),
         ATOMIC_ADD(R0, offsetof(struct count_value, low_halves), R1), ALUI(RSH, MAGNITUDE, 32),
         ATOMIC_ADD(R0, offsetof(struct count_value, high_halves), MAGNITUDE), ALU(MOV, R2, R0));
    for (int tries = emitter->options->sleepable ? 4 : 1; tries > 0; tries--) {
        EMIT(emitter, LOAD(DW, R0, R2, highest));
        code_jump_if_of(&emitter->code, BPF_JGE, R0, ORDER, &done);
        if (!emitter->options->sleepable) {
            EMIT(emitter, STORE(DW, R2, highest, ORDER));
            break;
        }
        EMIT(emitter, ALU(MOV, R1, R0), ATOMIC_EXCHANGE(R2, highest, ORDER));
        if (tries > 1)
            code_jump_if_of(&emitter->code, BPF_JEQ, R0, R1, &done);
    }
    code_place(&emitter->code, done);
}

void count_add(struct emitter *emitter)
{
    const struct program_options *options = emitter->options;
    ssize_t by = emitter->probe->by;
    ssize_t hist = options->mode == TRACE_HISTOGRAM ? emitter->probe->hist : -1;
    bool keyed = options->mode == TRACE_HISTOGRAM || by >= 0;
    int map = options->counts, key = FIELD(variant);
    struct code *code = &emitter->code;
    code_label found = 0, full = 0;

    for (int at = 0;
         keyed && at < (options->string_keys ? COUNT_KEY_ROOM : (int)COUNT_KEY_SIZE(false));
         at += 8)
        EMIT(emitter, STOREI(DW, emitter->memory, key + at, 0));
    if (by >= 0 && emitter->values[by].kind == VALUE_STRING)
        add_string(emitter, (size_t)by);
    else if (by >= 0)
        add_number(emitter, (size_t)by);
    if (hist >= 0)
        add_bucket(emitter, (size_t)hist);
    count_add_variant(emitter);
    EMIT(emitter, STORE(W, emitter->memory, key, R0), LOAD_MAP(R1, map),
         SUM(R2, emitter->memory, key),
         CALL(map_lookup_elem)); /* R0 = the address of this CPU's count, or null */
    if (keyed) {                 /* make it, unless another CPU has just done so */
        code_jump_if(code, BPF_JNE, R0, 0, &found);
        for (size_t at = 0; at < COUNT_VALUE_SIZE(options->mode); at += 8)
            EMIT(emitter, STOREI(DW, emitter->memory, SCRATCH + (int)at, 0));
        EMIT(emitter, LOAD_MAP(R1, map), SUM(R2, emitter->memory, key),
             SUM(R3, emitter->memory, SCRATCH), ALUI(MOV, R4, BPF_NOEXIST), CALL(map_update_elem),
             LOAD_MAP(R1, map), SUM(R2, emitter->memory, key), CALL(map_lookup_elem));
    }
    code_jump_if(code, BPF_JEQ, R0, 0, &full);
    code_place(code, found);
    EMIT(emitter, ALUI(MOV, R1, 1), ATOMIC_ADD(R0, 0, R1));
    if (hist >= 0)
        add_value(emitter);
    slot_exit(emitter);
    code_place(code, full);
    count_add_to_counter(emitter, COUNTER_UNCOUNTED);
}
