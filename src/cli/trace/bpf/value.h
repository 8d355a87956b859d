/* SPDX-License-Identifier: MIT */
/*
 * Code that reads a probe's arguments.
 *
 * The verifier looks at each combination of states that it tells apart, and there could be 2^32 of
 * arguments that were read or not. It does not tell numbers apart that it does not know. So errors
 * become bits by arithmetic: without a jump, and with no register that is a known 0 on one way and
 * unknown on another, for Linux 6.1 tells these apart once they are in the stack. And a register
 * that is compared is cut off from the slot that it was loaded from, so that the comparison tells
 * the verifier nothing of the slot.
 */
#ifndef CLI_TRACE_VALUE_H
#define CLI_TRACE_VALUE_H

#include "cli/trace/bpf/insn.h"
#include "cli/trace/plan/plan.h"

/* What registers hold from the start to the end. */
enum {
    REG_CONTEXT = BPF_REG_6,   /* struct pt_regs */
    REG_RECORD = BPF_REG_7,    /* its address, or the last string's size: see program.c */
    REG_MISSING = BPF_REG_8,   /* bit N: string N could not be read */
    REG_UNREADABLE = BPF_REG_9 /* bit N: argument N could not be read */
};

/* At the top of the BPF stack, for short use. */
#define SCRATCH_BYTES 72
#define SCRATCH (-SCRATCH_BYTES)

struct reader {
    struct code code;
    const struct plan_value *values;
    int slots;      /* of the values, 8 bytes each, in the BPF stack */
    bool sleepable; /* the program may fault pages in */
};

/* Whether rst can read the argument. If it can't, its bit is set from the start. */
bool value_is_readable(const struct plan_value *value);

/* Whether reading it may fail. */
bool value_may_fail(const struct plan_value *value);

/* Where the argument's value is in the stack. */
int value_slot(const struct reader *reader, size_t argument);

/* Read the argument into its slot: 0, and its bit in REG_UNREADABLE, if that fails. */
void value_read(struct reader *reader, size_t argument);

/* R1 = whether the argument could not be read, 0 or 1. */
void value_add_unreadable(struct reader *reader, size_t argument);

/*
 * R1 = the argument's key (condition.h), which the verifier does not know from the slot. Uses R2.
 */
void value_add_key(struct reader *reader, size_t argument);

/*
 * R0 = the size of the string at the argument's value plus `from`, read to `to` + `offset` with a
 * NUL, at most `size` bytes in all; or a negative number. If the address is null, anything. Uses R1
 * to R5.
 */
void value_read_string(struct reader *reader, size_t argument, int to, int32_t offset, int32_t size,
                       int32_t from);

/* Have the kernel make the memory of such a string present. */
void value_touch_string(struct reader *reader, size_t argument, int32_t size, int32_t from);

/* Both, and read again: for a program that holds nothing that others wait for. */
void value_read_string_anyway(struct reader *reader, size_t argument, int to, int32_t offset,
                              int32_t size, int32_t from);

#endif
