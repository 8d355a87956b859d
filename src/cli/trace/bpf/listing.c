/* SPDX-License-Identifier: MIT */
/* Instructions as text, for `rst trace --print`: in the words of the kernel's verifier. */
#include <string.h>

#include "cli/trace/bpf/insn.h"

static const char *const operations[16] = {
    "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "= -", "%=", "^=", "=", "s>>="};
static const char *const comparisons[16] = {"",    "==", ">", ">=", "&",  "!=", "s>",
                                            "s>=", "",   "",  "<",  "<=", "s<", "s<="};
static const char *const sizes[4] = {"u32", "u16", "u8", "u64"};

#define HELPER_NAME(name, number) [number] = #name,
static const char *const helpers[] = {HELPERS(HELPER_NAME)};

/* The second operand: a register or a number. */
static void add_source(struct text *text, struct bpf_insn insn)
{
    if (BPF_SRC(insn.code) == BPF_X)
        text_addf(text, "r%d", insn.src_reg);
    else
        text_addf(text, "%d", insn.imm);
}

static void add_jump(struct text *text, struct bpf_insn insn, size_t at)
{
    size_t target = at + 1 + (size_t)insn.off;

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
        text_addf(text, "if r%d %s ", insn.dst_reg, comparisons[insn.code >> 4]);
        add_source(text, insn);
        text_addf(text, " goto %zu", target);
    }
}

/* The one instruction that is as long as two. */
static void add_wide(struct text *text, const struct bpf_insn insn[2])
{
    if (insn->src_reg == BPF_PSEUDO_MAP_FD)
        text_addf(text, "r%d = map %d", insn->dst_reg, insn->imm);
    else if (insn->src_reg == BPF_PSEUDO_MAP_VALUE)
        text_addf(text, "r%d = map %d's value + %d", insn->dst_reg, insn->imm, insn[1].imm);
    else
        text_addf(text, "r%d = 0x%x%08x", insn->dst_reg, insn[1].imm, insn->imm);
}

static void add_memory(struct text *text, struct bpf_insn insn, int reg)
{
    text_addf(text, "*(%s *)(r%d %+d)", sizes[BPF_SIZE(insn.code) >> 3], reg, insn.off);
}

static void add_meaning(struct text *text, const struct bpf_insn *list, size_t at)
{
    struct bpf_insn insn = list[at];

    switch (BPF_CLASS(insn.code)) {
    case BPF_LD:
        add_wide(text, &list[at]);
        break;
    case BPF_LDX:
        text_addf(text, "r%d = ", insn.dst_reg);
        add_memory(text, insn, insn.src_reg);
        break;
    case BPF_ST:
        add_memory(text, insn, insn.dst_reg);
        text_addf(text, " = %d", insn.imm);
        break;
    case BPF_STX:
        text_add(text, BPF_MODE(insn.code) == BPF_XADD ? "lock " : "");
        add_memory(text, insn, insn.dst_reg);
        text_addf(text, BPF_MODE(insn.code) == BPF_XADD ? " += r%d" : " = r%d", insn.src_reg);
        break;
    case BPF_JMP:
        add_jump(text, insn, at);
        break;
    default:
        text_addf(text, "r%d %s", insn.dst_reg, operations[insn.code >> 4]);
        if (BPF_OP(insn.code) == BPF_NEG)
            text_addf(text, "r%d", insn.dst_reg);
        else
            text_add(text, " "), add_source(text, insn);
    }
}

static void add_bytes(struct text *text, const struct bpf_insn *insn)
{
    uint8_t bytes[sizeof(*insn)];

    memcpy(bytes, insn, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        text_addf(text, "%02x", bytes[i]);
}

void text_add_insns(struct text *text, const struct bpf_insn *list, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        bool wide = BPF_CLASS(list[at].code) == BPF_LD;

        text_addf(text, "%5zu  ", at);
        add_bytes(text, &list[at]);
        text_add(text, "  ");
        add_meaning(text, list, at);
        if (wide) {
            at++;
            text_addf(text, "\n%5s  ", "");
            add_bytes(text, &list[at]);
        }
        text_add(text, "\n");
    }
}
