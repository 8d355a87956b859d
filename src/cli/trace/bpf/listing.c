/* SPDX-License-Identifier: MIT */
/* Instructions as text, for `rst trace --print`: in the words of the kernel's verifier. */
#include <stdio.h>
#include <string.h>

#include "cli/trace/bpf/insn.h"

static const char *const operations[16] = {
    "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>="};
static const char *const comparisons[16] = {"",    "==", ">", ">=", "&",  "!=", "s>",
                                            "s>=", "",   "",  "<",  "<=", "s<", "s<="};
static const char *const sizes[4] = {"u32", "u16", "u8", "u64"};

#define HELPER_NAME(name, number) [number] = #name,
static const char *const helpers[] = {HELPERS(HELPER_NAME)};

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

static void add_jump(struct text *text, struct bpf_insn insn, const char *from, size_t target)
{
    if (BPF_OP(insn.code) == BPF_CALL)
        text_addf(text, "call %s", helpers[insn.imm]);
    else if (BPF_OP(insn.code) == BPF_EXIT)
        text_add(text, "exit");
    else if (BPF_OP(insn.code) == BPF_JA)
        text_addf(text, "goto %zu", target);
    else
        text_addf(text, "if r%d %s %s goto %zu", insn.dst_reg, comparisons[insn.code >> 4], from,
                  target);
}

static void add_meaning(struct text *text, const struct bpf_insn *list, size_t at)
{
    struct bpf_insn insn = list[at];
    int to = insn.dst_reg, offset = insn.off;
    const char *size = sizes[BPF_SIZE(insn.code) >> 3];
    bool adds = BPF_MODE(insn.code) == BPF_XADD, by_register = BPF_SRC(insn.code) == BPF_X;
    char from[16]; /* the second operand: a register or a number */

    snprintf(from, sizeof(from), by_register ? "r%d" : "%d", by_register ? insn.src_reg : insn.imm);
    switch (BPF_CLASS(insn.code)) {
    case BPF_LD:
        add_wide(text, &list[at]);
        break;
    case BPF_LDX:
        text_addf(text, "r%d = *(%s *)(r%d %+d)", to, size, insn.src_reg, offset);
        break;
    case BPF_ST:
        text_addf(text, "*(%s *)(r%d %+d) = %d", size, to, offset, insn.imm);
        break;
    case BPF_STX:
        text_addf(text, "%s*(%s *)(r%d %+d) %s r%d", adds ? "lock " : "", size, to, offset,
                  adds ? "+=" : "=", insn.src_reg);
        break;
    case BPF_JMP:
        add_jump(text, insn, from, at + 1 + (size_t)offset);
        break;
    default:
        if (BPF_OP(insn.code) == BPF_NEG)
            text_addf(text, "r%d = -r%d", to, to);
        else
            text_addf(text, "r%d %s %s", to, operations[insn.code >> 4], from);
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
