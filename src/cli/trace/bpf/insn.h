/* SPDX-License-Identifier: MIT */
/* BPF instructions, one after the other, with jumps to labels; and as text. */
#ifndef CLI_TRACE_INSN_H
#define CLI_TRACE_INSN_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/base/text.h"

struct code {
    struct bpf_insn *list;
    size_t count;
    size_t branches;  /* conditional jumps */
    bool unreachable; /* what is added is left out: the kernel takes no unreachable code */
    bool too_long;
};

/*
 * A place further down, which is to be placed once: the last instruction that jumps there, counted
 * from 1. Until then, each jump's `off` says how far before it the one before is. 0: none.
 */
typedef size_t code_label;

static inline struct bpf_insn insn_of(int kind, int to, int from, int displacement, int64_t number)
{
    return (struct bpf_insn){.code = (uint8_t)kind,
                             .dst_reg = (unsigned)to & 15U,
                             .src_reg = (unsigned)from & 15U,
                             .off = (int16_t)displacement,
                             .imm = (int32_t)number};
}

/* In 64 bits: to = to `operation` from, or a number. MOV is an operation, too. */
#define ALU(operation, to, from) insn_of(BPF_ALU64 | BPF_##operation | BPF_X, to, from, 0, 0)
#define ALUI(operation, to, number) insn_of(BPF_ALU64 | BPF_##operation | BPF_K, to, 0, 0, number)

/* to = from + number */
#define SUM(to, from, number) ALU(MOV, to, from), ALUI(ADD, to, number)

/* Memory of `size` (B, H, W, DW) at a register and a displacement. */
#define LOAD(size, to, from, displacement)                                                         \
    insn_of(BPF_LDX | BPF_MEM | BPF_##size, to, from, displacement, 0)
#define STORE(size, to, displacement, from)                                                        \
    insn_of(BPF_STX | BPF_MEM | BPF_##size, to, from, displacement, 0)
#define STOREI(size, to, displacement, number)                                                     \
    insn_of(BPF_ST | BPF_MEM | BPF_##size, to, 0, displacement, number)

/* Atomically, 64 bits of memory: += from, without a result, so for every kernel. */
#define ATOMIC_ADD(to, displacement, from)                                                         \
    insn_of(BPF_STX | BPF_XADD | BPF_DW, to, from, displacement, 0)

/* Linux 5.12: if it is R0, it becomes `from`; R0 becomes what it was. */
#define ATOMIC_EXCHANGE(to, displacement, from)                                                    \
    insn_of(BPF_STX | BPF_XADD | BPF_DW, to, from, displacement, CODE_EXCHANGE)
#define CODE_EXCHANGE 0xf1 /* BPF_CMPXCHG */

/* Linux 5.12: it becomes `from`, and `from` what it was. */
#define ATOMIC_SWAP(to, displacement, from)                                                        \
    insn_of(BPF_STX | BPF_XADD | BPF_DW, to, from, displacement, CODE_SWAP)
#define CODE_SWAP 0xe1 /* BPF_XCHG */

/* The one instruction of 16 bytes: to = a number, a map for a helper, or its value's address. */
#define WIDE(to, kind, low, high)                                                                  \
    insn_of(BPF_LD | BPF_IMM | BPF_DW, to, kind, 0, low), insn_of(0, 0, 0, 0, high)
#define LOAD_MAP(to, map) WIDE(to, BPF_PSEUDO_MAP_FD, map, 0)
#define LOAD_MAP_VALUE(to, map, offset) WIDE(to, BPF_PSEUDO_MAP_VALUE, map, offset)

#define CALL(helper) insn_of(BPF_JMP | BPF_CALL, 0, 0, 0, HELPER_##helper)

/* The kernel's helpers: linux/bpf.h may be too old to know all. */
#define HELPERS(X)                                                                                 \
    X(map_lookup_elem, 1)                                                                          \
    X(map_update_elem, 2)                                                                          \
    X(get_smp_processor_id, 8)                                                                     \
    X(get_current_pid_tgid, 14)                                                                    \
    X(get_current_comm, 16)                                                                        \
    X(get_stack, 67)                                                                               \
    X(probe_read_user, 112)                                                                        \
    X(probe_read_user_str, 114)                                                                    \
    X(get_ns_current_pid_tgid, 120)                                                                \
    X(ktime_get_boot_ns, 125)                                                                      \
    X(ringbuf_output, 130)                                                                         \
    X(ringbuf_reserve, 131)                                                                        \
    X(ringbuf_submit, 132)                                                                         \
    X(ringbuf_discard, 133)                                                                        \
    X(copy_from_user, 148) /* faults pages in */                                                   \
    X(get_attach_cookie, 174)
#define HELPER_NUMBER(name, number) HELPER_##name = (number),
enum { HELPERS(HELPER_NUMBER) };

/* A load with the size in bytes. */
static inline struct bpf_insn load_of(size_t bytes, int to, int from, int displacement)
{
    int size = bytes == 8 ? BPF_DW : bytes == 4 ? BPF_W : bytes == 2 ? BPF_H : BPF_B;

    return insn_of(BPF_LDX | BPF_MEM | size, to, from, displacement, 0);
}

enum { R0, R1, R2, R3, R4, R5, STACK = BPF_REG_10 };

void code_add(struct code *code, const struct bpf_insn *list, size_t count);
#define CODE_ADD(code, ...)                                                                        \
    code_add(code, (const struct bpf_insn[]){__VA_ARGS__},                                         \
             sizeof((const struct bpf_insn[]){__VA_ARGS__}) / sizeof(struct bpf_insn))

void code_add_constant(struct code *code, int to, uint64_t number);
void code_add_exit(struct code *code);

/* Jump if `reg` compares so (BPF_JEQ, ...) with a number or another register. */
void code_jump_if(struct code *code, int comparison, int reg, int32_t number, code_label *label);
void code_jump_if_of(struct code *code, int comparison, int reg, int other, code_label *label);

/* The same with any number, as 64 bits. Uses register `spare`. */
void code_jump_wide(struct code *code, int comparison, int reg, uint64_t number, int spare,
                    code_label *label);
void code_jump(struct code *code, code_label *label);
void code_place(struct code *code, code_label label);

/*
 * Gives 0; or frees the list and gives -E2BIG, if the kernel would not take the program: a jump is
 * too wide, or there are too many.
 */
int code_finish(struct code *code);

/*
 * Add emitted instructions as text, in the words of the kernel's verifier: a line for each, with
 * its number and its 8 bytes.
 */
void text_add_insns(struct text *text, const struct bpf_insn *list, size_t count);

#endif
