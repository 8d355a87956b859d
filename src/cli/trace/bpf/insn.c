/* SPDX-License-Identifier: MIT */
#include "cli/trace/bpf/insn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/command.h"

/*
 * The verifier keeps a branch to look at later for each conditional jump of a path, at most 8192
 * (BPF_COMPLEXITY_LIMIT_JMP_SEQ).
 */
#define MOST_BRANCHES 8000

void code_add(struct code *code, const struct bpf_insn *list, size_t count)
{
    for (size_t i = 0; i < count && !code->unreachable; i++)
        APPEND(code->list, code->count, list[i]);
}

static bool is_short(uint64_t number)
{
    return number == (uint64_t)(int64_t)(int32_t)number;
}

void code_add_constant(struct code *code, int to, uint64_t number)
{
    if (is_short(number))
        CODE_ADD(code, ALUI(MOV, to, (int64_t)number));
    else
        CODE_ADD(code, WIDE(to, 0, (int64_t)number, (int64_t)(number >> 32)));
}

void code_add_exit(struct code *code)
{
    CODE_ADD(code, ALUI(MOV, R0, 0), insn_of(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
    code->unreachable = true;
}

static void add_jump(struct code *code, struct bpf_insn insn, code_label *label)
{
    size_t before = *label ? code->count + 1 - *label : 0;

    if (code->unreachable)
        return;
    insn.off = (int16_t)before;
    code->too_long |= before > UINT16_MAX;
    code->branches += BPF_OP(insn.code) != BPF_JA;
    CODE_ADD(code, insn);
    *label = code->count;
}

void code_jump_if(struct code *code, int comparison, int reg, int32_t number, code_label *label)
{
    add_jump(code, insn_of(BPF_JMP | comparison | BPF_K, reg, 0, 0, number), label);
}

void code_jump_if_of(struct code *code, int comparison, int reg, int other, code_label *label)
{
    add_jump(code, insn_of(BPF_JMP | comparison | BPF_X, reg, other, 0, 0), label);
}

void code_jump_wide(struct code *code, int comparison, int reg, uint64_t number, int spare,
                    code_label *label)
{
    if (is_short(number)) {
        code_jump_if(code, comparison, reg, (int32_t)number, label);
        return;
    }
    code_add_constant(code, spare, number);
    code_jump_if_of(code, comparison, reg, spare, label);
}

void code_jump(struct code *code, code_label *label)
{
    add_jump(code, insn_of(BPF_JMP | BPF_JA, 0, 0, 0, 0), label);
    code->unreachable = true;
}

void code_place(struct code *code, code_label label)
{
    for (size_t at = label, before; at != 0 && !code->too_long; at = before) {
        struct bpf_insn *jump = &code->list[at - 1];

        before = jump->off ? at - (uint16_t)jump->off : 0;
        code->too_long = code->count - at > INT16_MAX; /* from the next instruction */
        jump->off = (int16_t)(code->count - at);
    }
    code->unreachable &= label == 0;
}

int code_finish(struct code *code)
{
    if (!code->too_long && code->branches <= MOST_BRANCHES)
        return 0;
    free(code->list);
    *code = (struct code){0};
    return -E2BIG;
}

static const char *const operations[16] = {
    "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>="};
static const char *const comparisons[16] = {"",    "==", ">", ">=", "&",  "!=", "s>",
                                            "s>=", "",   "",  "<",  "<=", "s<", "s<="};
static const char *const sizes[4] = {"u32", "u16", "u8", "u64"};

#define HELPER_NAME(name, number) [number] = #name,
static const char *const helpers[] = {HELPERS(HELPER_NAME)};

static void add_jump_text(struct text *text, struct bpf_insn insn, const char *from, size_t target)
{
    switch (BPF_OP(insn.code)) {
    case BPF_CALL:
        text_addf(text, "call %s", helpers[insn.imm]);
        break;
    case BPF_EXIT:
        text_add(text, "exit");
        break;
    case BPF_JA:
        text_addf(text, "goto %zu", target);
        break;
    default:
        text_addf(text, "if r%d %s %s goto %zu", insn.dst_reg, comparisons[insn.code >> 4], from,
                  target);
    }
}

static void add_meaning(struct text *text, const struct bpf_insn *insn, size_t at)
{
    int to = insn->dst_reg, offset = insn->off;
    const char *size = sizes[BPF_SIZE(insn->code) >> 3];
    bool by_register = BPF_SRC(insn->code) == BPF_X;
    char from[16]; /* the second operand: a register or a number */

    snprintf(from, sizeof(from), by_register ? "r%d" : "%d",
             by_register ? insn->src_reg : insn->imm);
    switch (BPF_CLASS(insn->code)) {
    case BPF_LD: /* the one that is as long as two */
        if (insn->src_reg == BPF_PSEUDO_MAP_FD)
            text_addf(text, "r%d = map %d", to, insn->imm);
        else if (insn->src_reg == BPF_PSEUDO_MAP_VALUE)
            text_addf(text, "r%d = map %d's value + %d", to, insn->imm, insn[1].imm);
        else
            text_addf(text, "r%d = 0x%x%08x", to, insn[1].imm, insn->imm);
        break;
    case BPF_LDX:
        text_addf(text, "r%d = *(%s *)(r%d %+d)", to, size, insn->src_reg, offset);
        break;
    case BPF_ST:
        text_addf(text, "*(%s *)(r%d %+d) = %d", size, to, offset, insn->imm);
        break;
    case BPF_STX:
        if (BPF_MODE(insn->code) == BPF_MEM)
            text_addf(text, "*(%s *)(r%d %+d) = r%d", size, to, offset, insn->src_reg);
        else if (insn->imm == CODE_EXCHANGE)
            text_addf(text, "r0 = cmpxchg(*(%s *)(r%d %+d), r0, r%d)", size, to, offset,
                      insn->src_reg);
        else if (insn->imm == CODE_SWAP)
            text_addf(text, "r%d = xchg(*(%s *)(r%d %+d), r%d)", insn->src_reg, size, to, offset,
                      insn->src_reg);
        else
            text_addf(text, "lock *(%s *)(r%d %+d) += r%d", size, to, offset, insn->src_reg);
        break;
    case BPF_JMP:
        add_jump_text(text, *insn, from, at + 1 + (size_t)offset);
        break;
    default:
        if (BPF_OP(insn->code) == BPF_NEG)
            text_addf(text, "r%d = -r%d", to, to);
        else
            text_addf(text, "r%d %s %s", to, operations[insn->code >> 4], from);
    }
}

void text_add_insns(struct text *text, const struct bpf_insn *list, size_t count)
{
    uint8_t bytes[sizeof(*list)];
    bool rest = false; /* of an instruction that is as long as two */

    for (size_t at = 0; at < count; at++) {
        if (rest)
            text_addf(text, "%5s  ", "");
        else
            text_addf(text, "%5zu  ", at);
        memcpy(bytes, &list[at], sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++)
            text_addf(text, "%02x", bytes[i]);
        if (!rest) {
            text_add(text, "  ");
            add_meaning(text, &list[at], at);
        }
        rest = !rest && BPF_CLASS(list[at].code) == BPF_LD;
        text_add(text, "\n");
    }
}
