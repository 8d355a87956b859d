/* SPDX-License-Identifier: MIT */
/*
 * BPF instructions, one after the other, with jumps to labels.
 */
#ifndef CLI_TRACE_INSN_H
#define CLI_TRACE_INSN_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/base/text.h"

/* A place that jumps lead to, further down. */
typedef size_t code_label;

struct code {
    struct bpf_insn *list;
    size_t count;
    struct code_jump {
        size_t at; /* of the instruction */
        code_label label;
    } * jumps;
    size_t jump_count;
    struct code_place {
        size_t at;
        bool used; /* a jump leads to it */
    } * labels;
    size_t label_count;
    bool unreachable; /* what is added is left out: the kernel takes no unreachable code */
};

static inline struct bpf_insn insn_of(int kind, int to, int from, int displacement, int64_t number)
{
    return (struct bpf_insn){.code = (uint8_t)kind,
                             .dst_reg = (unsigned)to & 15U,
                             .src_reg = (unsigned)from & 15U,
                             .off = (int16_t)displacement,
                             .imm = (int32_t)number};
}

/* In 64 bits: to = to `operation` from, or a number. BPF_MOV is an operation, too. */
#define INSN_ALU(operation, to, from) insn_of(BPF_ALU64 | (operation) | BPF_X, to, from, 0, 0)
#define INSN_ALU_NUMBER(operation, to, number)                                                     \
    insn_of(BPF_ALU64 | (operation) | BPF_K, to, 0, 0, number)

/* Memory of `size` (BPF_B, BPF_H, BPF_W, BPF_DW) at a register and a displacement. */
#define INSN_LOAD(size, to, from, displacement)                                                    \
    insn_of(BPF_LDX | BPF_MEM | (size), to, from, displacement, 0)
#define INSN_STORE(size, to, displacement, from)                                                   \
    insn_of(BPF_STX | BPF_MEM | (size), to, from, displacement, 0)
#define INSN_STORE_NUMBER(size, to, displacement, number)                                          \
    insn_of(BPF_ST | BPF_MEM | (size), to, 0, displacement, number)

/* Atomically: 64 bits of memory at `to` += from. Without a result, so for every kernel. */
#define INSN_ATOMIC_ADD(to, from) insn_of(BPF_STX | BPF_XADD | BPF_DW, to, from, 0, 0)

#define INSN_CALL(helper) insn_of(BPF_JMP | BPF_CALL, 0, 0, 0, helper)

/* The kernel's helpers, by the numbers of linux/bpf.h, which may be too old to know all. */
enum {
    HELPER_MAP_LOOKUP = 1,
    HELPER_MAP_UPDATE = 2,
    HELPER_CPU = 8,
    HELPER_PID_TGID = 14,
    HELPER_COMM = 16,
    HELPER_STACK = 67,
    HELPER_READ_USER = 112,
    HELPER_READ_USER_STRING = 114,
    HELPER_NAMESPACE_PID_TGID = 120,
    HELPER_BOOT_TIME = 125,
    HELPER_RING_OUTPUT = 130,
    HELPER_RING_RESERVE = 131,
    HELPER_RING_SUBMIT = 132,
    HELPER_RING_DISCARD = 133,
    HELPER_COPY_FROM_USER = 148, /* faults pages in */
    HELPER_ATTACH_COOKIE = 174
};

void code_add(struct code *code, struct bpf_insn insn);

/* to = from + number */
void code_add_sum(struct code *code, int to, int from, int32_t number);
void code_add_constant(struct code *code, int to, uint64_t number);

/* to = a map, for a helper; or its value's address plus `offset`. */
void code_add_map(struct code *code, int to, int map);
void code_add_map_value(struct code *code, int to, int map, uint32_t offset);

/* A new label, which is to be placed once. */
code_label code_new_label(struct code *code);
void code_place(struct code *code, code_label label);

void code_add_exit(struct code *code);

/* Jump if `reg` compares with a number so. BPF_JA: always. */
void code_jump(struct code *code, int comparison, int reg, int32_t number, code_label label);

/* The same with any number, as 64 bits. Uses register `spare`. */
void code_jump_wide(struct code *code, int comparison, int reg, uint64_t number, int spare,
                    code_label label);

/*
 * Set the jumps. Gives 0, or -E2BIG if the kernel would not take the program: a jump is too wide,
 * or there are too many. The list is then the caller's or freed; all else is freed.
 */
int code_finish(struct code *code);

/* Add instructions as text: a line for each, with its number and its 8 bytes. */
void text_add_insns(struct text *text, const struct bpf_insn *list, size_t count);

#endif
