/* SPDX-License-Identifier: MIT */
/*
 * What the parts of a program's emitter share.
 *
 * The verifier looks at each combination of states that it tells apart, and there could be 2^32 of
 * arguments that were read or not. It does not tell numbers apart that it does not know. So errors
 * become bits by arithmetic: without a jump, and with no register that is a known 0 on one way and
 * unknown on another, for Linux 6.1 tells these apart once they are in the stack. And a register
 * that is compared is cut off from the slot that it was loaded from, so that the comparison tells
 * the verifier nothing of the slot.
 */
#ifndef CLI_TRACE_EMITTER_H
#define CLI_TRACE_EMITTER_H

#include "cli/trace/bpf/bpf.h"
#include "cli/trace/bpf/insn.h"
#include "cli/trace/plan/filter.h"

/* What registers hold from the start to the end. */
enum {
    CONTEXT = BPF_REG_6,   /* the process's registers: usdt/context.h; or */
    SLOT = BPF_REG_6,      /* the slot's end, where memory is one: see slot.c */
    RECORD = BPF_REG_7,    /* of an event: its address, or the last string's size: see emitter.c */
    MISSING = BPF_REG_8,   /* of an event: bit N: string N could not be read */
    MAGNITUDE = BPF_REG_7, /* of a count with --hist, and the value's key as in count_value */
    ORDER = BPF_REG_8,
    UNREADABLE = BPF_REG_9, /* bit N: argument N could not be read */
};

/* At the top of the memory, for short use. */
#define MEMORY_BYTES ((int)sizeof(((struct slot *)NULL)->bytes))
#define SLOT_BYTES ((int)sizeof(struct slot))
#define SCRATCH_BYTES 72
#define SCRATCH (-SCRATCH_BYTES)

struct emitter {
    struct code code;
    const struct program_options *options;
    const struct plan_probe *probe;
    const struct plan_value *values;
    const struct context *context; /* of the variant's files */
    size_t variant;
    int memory;         /* the register of its end: STACK or SLOT */
    int values_at;      /* in the memory, 8 bytes each */
    code_label crowded; /* all slots of the CPU are taken */

    /* Of an event. */
    bool small;                    /* the record is in the memory; else in the ring buffer */
    int base, base_offset;         /* the record's: a register and a displacement */
    int string_count, string_room; /* the room of each in the record */
    int size;                      /* of the record without frames */
    code_label lost;
};

#define EMIT(emitter, ...) CODE_ADD(&(emitter)->code, __VA_ARGS__)

/* Begin: R1 is the context. Uses R0 and R1. */
void slot_take(struct emitter *emitter);

/* The register of the context, which is `spare` if it has to be loaded. */
int slot_context(struct emitter *emitter, int spare);

/* R1 = the context, for a helper. */
void slot_pass_context(struct emitter *emitter);

/* Give the slot back, and exit. */
void slot_exit(struct emitter *emitter);

/* The same at the program's end, where a hit without a slot is counted. */
void slot_end(struct emitter *emitter);

/* Whether rst can read the argument. If it can't, its bit is set from the start. */
bool value_is_readable(const struct plan_value *value);

/* Whether reading it may fail. */
bool value_may_fail(const struct plan_value *value);

static inline bool value_has_sign(const struct plan_value *value) /* or its key */
{
    return value->is_signed || value_is_float(value);
}

/* Where the argument's value is in the memory. */
static inline int value_slot(const struct emitter *emitter, size_t argument)
{
    return emitter->values_at + 8 * (int)argument;
}

/* Read arguments into their slots: 0, and the bit in UNREADABLE, if that fails. */
void value_read(struct emitter *emitter, uint32_t arguments);

/* R1 = whether the argument could not be read, 0 or 1. */
void value_add_unreadable(struct emitter *emitter, size_t argument);

/* R1 = the argument's key (filter.h), which the verifier does not know from the slot. Uses R2. */
void value_add_key(struct emitter *emitter, size_t argument);

/*
 * R0 = the size of the string at the argument's value plus `from`, read to `to` + `offset` with a
 * NUL, at most `size` bytes in all; or a negative number. If the address is null, anything. Uses R1
 * to R5.
 */
void value_read_string(struct emitter *emitter, size_t argument, int to, int offset, int size,
                       int from);

/* Have the kernel make the memory of such a string present. */
void value_touch_string(struct emitter *emitter, size_t argument, int size, int from);

/* Read it into the memory, and again when it is present, if the program may sleep. */
void value_read_text(struct emitter *emitter, size_t argument, int offset, int size, int from);

/* The arguments that the condition needs, as bits. NULL needs none. */
uint32_t filter_arguments(const struct condition *condition);

/* Go on if the condition holds, else jump to `no`. The arguments are in their slots. */
void filter_add(struct emitter *emitter, const struct condition *condition, code_label *no);

/* Under the values. A string is read with two bytes more than the key keeps. */
#define COUNT_KEY_ROOM ((int)sizeof(struct count_key) + 8)

/* R0 = the variant's number. */
void count_add_variant(struct emitter *emitter);

/* Add 1 to one of the COUNTERS. */
void count_add_to_counter(struct emitter *emitter, int counter);

/* Count a hit. The arguments of --by and --hist are in their slots. */
void count_add(struct emitter *emitter);

#endif
