/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "cli/base/command.h"
#include "cli/trace/bpf/insn.h"

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
    CODE_ADD(code, insn);
    *label = code->count;
}

void code_jump_if(struct code *code, int comparison, int reg, int32_t number, code_label *label)
{
    code->branches += !code->unreachable;
    add_jump(code, insn_of(BPF_JMP | comparison | BPF_K, reg, 0, 0, number), label);
}

void code_jump(struct code *code, code_label *label)
{
    add_jump(code, insn_of(BPF_JMP | BPF_JA, 0, 0, 0, 0), label);
    code->unreachable = true;
}

void code_jump_wide(struct code *code, int comparison, int reg, uint64_t number, int spare,
                    code_label *label)
{
    if (is_short(number)) {
        code_jump_if(code, comparison, reg, (int32_t)number, label);
        return;
    }
    code_add_constant(code, spare, number);
    code->branches += !code->unreachable;
    add_jump(code, insn_of(BPF_JMP | comparison | BPF_X, reg, spare, 0, 0), label);
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
