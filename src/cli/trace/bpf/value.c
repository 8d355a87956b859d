/* SPDX-License-Identifier: MIT */
#include "cli/trace/bpf/emitter.h"

#define PAGE 4096 /* or more; this is the smallest */

bool value_is_readable(const struct plan_value *value)
{
    return value->size != 0 && value->location.kind != LOCATION_NONE;
}

bool value_may_fail(const struct plan_value *value)
{
    return !value_is_readable(value) || value->location.kind == LOCATION_MEMORY;
}

/* to = a register of the process, without what a 64-bit kernel has above its 32 bits */
static void load_register(struct emitter *emitter, int to, uint16_t reg)
{
    int context = slot_context(emitter, to);

    EMIT(emitter, load_of(context_word(emitter->context), to, context, reg));
}

/* to += a register of the process, times a scale. Uses R2. */
static void add_register(struct emitter *emitter, int to, uint16_t reg, uint8_t scale)
{
    if (reg == LOCATION_NO_REGISTER)
        return;
    load_register(emitter, R2, reg);
    if (scale > 1)
        EMIT(emitter, ALUI(MUL, R2, scale));
    EMIT(emitter, ALU(ADD, to, R2));
}

/* The register's low bytes, extended to 64 bits by the sign or by zeros. */
static void extend(struct emitter *emitter, int reg, uint8_t size, bool is_signed)
{
    int bits = 64 - 8 * size;

    if (bits != 0)
        EMIT(emitter, ALUI(LSH, reg, bits),
             is_signed ? ALUI(ARSH, reg, bits) : ALUI(RSH, reg, bits));
}

/* to = number (+ the site's address) (+ base + index * scale) */
static void add_address(struct emitter *emitter, int to, const struct location *location)
{
    code_add_constant(&emitter->code, to, (uint64_t)location->number);
    if (location->relative)
        add_register(emitter, to, emitter->context->site, 1);
    if (location->kind == LOCATION_MEMORY) {
        add_register(emitter, to, location->base, 1);
        add_register(emitter, to, location->index, location->scale);
        extend(emitter, to, context_word(emitter->context), false);
    }
}

/* R1 = what is in memory, which may be anywhere. A helper that fails clears the slot. */
static void load_memory(struct emitter *emitter, size_t argument)
{
    const struct plan_value *value = &emitter->values[argument];
    int slot = value_slot(emitter, argument);

    add_address(emitter, R3, &value->location);
    EMIT(emitter, ALUI(MOV, R2, value->size), SUM(R1, emitter->memory, slot),
         emitter->options->sleepable ? CALL(copy_from_user) : CALL(probe_read_user),
         ALUI(RSH, R0, 63), /* 1 if it was negative */
         ALUI(LSH, R0, argument), ALU(OR, UNREADABLE, R0),
         load_of(value->size, R1, emitter->memory, slot));
    if (value->is_signed)
        extend(emitter, R1, value->size, true);
}

static void read_value(struct emitter *emitter, size_t argument)
{
    const struct plan_value *value = &emitter->values[argument];

    if (!value_is_readable(value)) {
        EMIT(emitter, ALUI(MOV, R1, 0));
    } else if (value->location.kind == LOCATION_MEMORY) {
        load_memory(emitter, argument);
    } else if (value->location.kind == LOCATION_REGISTER) {
        load_register(emitter, R1, value->location.base);
        if (value->location.shift != 0)
            EMIT(emitter, ALUI(RSH, R1, value->location.shift));
        extend(emitter, R1, value->size, value->is_signed);
    } else {
        add_address(emitter, R1, &value->location);
        extend(emitter, R1, value->size, value->is_signed);
    }
    EMIT(emitter, STORE(DW, emitter->memory, value_slot(emitter, argument), R1));
}

void value_read(struct emitter *emitter, uint32_t arguments)
{
    for (size_t i = 0; i < emitter->probe->argument_count; i++)
        if (arguments >> i & 1)
            read_value(emitter, i);
}

void value_add_unreadable(struct emitter *emitter, size_t argument)
{
    EMIT(emitter, ALU(MOV, R1, UNREADABLE), ALUI(RSH, R1, argument), ALUI(AND, R1, 1));
}

/* The verifier does not know the register as the slot's value any more: see emitter.h. */
#define FORGET_SLOT(reg) ALUI(XOR, reg, 0)

void value_add_key(struct emitter *emitter, size_t argument)
{
    const struct plan_value *value = &emitter->values[argument];
    int above_sign = value->kind == VALUE_FLOAT ? 33 : 1;

    EMIT(emitter, LOAD(DW, R1, emitter->memory, value_slot(emitter, argument)));
    if (!value_is_float(value)) {
        EMIT(emitter, FORGET_SLOT(R1));
        return;
    }
    if (value->kind == VALUE_FLOAT)
        extend(emitter, R1, 4, true);
    EMIT(emitter, ALU(MOV, R2, R1), ALUI(ARSH, R2, 63), /* -1 if it is negative, else 0 */
         ALUI(LSH, R1, above_sign), ALUI(RSH, R1, above_sign), ALU(XOR, R1, R2), ALU(SUB, R1, R2));
}

/* To read at null takes the kernel a page fault, so that something else is read then: the site. */
static void avoid_null(struct emitter *emitter, int address)
{
    code_label fine = 0;

    EMIT(emitter, FORGET_SLOT(address));
    code_jump_if(&emitter->code, BPF_JNE, address, 0, &fine);
    load_register(emitter, address, emitter->context->site);
    code_place(&emitter->code, fine);
}

void value_read_string(struct emitter *emitter, size_t argument, int to, int offset, int size,
                       int from)
{
    EMIT(emitter, LOAD(DW, R3, emitter->memory, value_slot(emitter, argument)));
    if (from != 0)
        EMIT(emitter, ALUI(ADD, R3, from));
    else
        avoid_null(emitter, R3);
    EMIT(emitter, ALUI(MOV, R2, size), SUM(R1, to, offset), CALL(probe_read_user_str));

    /* Of an empty string Linux 6.1 gives 0, Linux 6.18 gives 1: add 1 to 0. */
    EMIT(emitter, ALU(MOV, R1, R0), ALUI(NEG, R1, 0), ALU(OR, R1, R0), ALUI(RSH, R1, 63),
         ALUI(XOR, R1, 1), ALU(ADD, R0, R1));
}

void value_touch_string(struct emitter *emitter, size_t argument, int size, int from)
{
    for (int at = 0;; at = at + PAGE < size ? at + PAGE : size - 1) {
        EMIT(emitter, LOAD(DW, R3, emitter->memory, value_slot(emitter, argument)));
        if (from + at != 0)
            EMIT(emitter, ALUI(ADD, R3, from + at));
        EMIT(emitter, ALUI(MOV, R2, 1), SUM(R1, emitter->memory, SCRATCH), CALL(copy_from_user));
        if (at == size - 1)
            return;
    }
}

void value_read_text(struct emitter *emitter, size_t argument, int offset, int size, int from)
{
    code_label read = 0;

    value_read_string(emitter, argument, emitter->memory, offset, size, from);
    if (!emitter->options->sleepable)
        return;
    code_jump_if(&emitter->code, BPF_JSGE, R0, 0, &read);
    value_touch_string(emitter, argument, size, from);
    value_read_string(emitter, argument, emitter->memory, offset, size, from);
    code_place(&emitter->code, read);
}
