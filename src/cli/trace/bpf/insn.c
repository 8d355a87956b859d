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

/* Jumps count from the next instruction, in 16 bits. */
#define FARTHEST INT16_MAX

void code_add(struct code *code, struct bpf_insn insn)
{
    if (code->unreachable)
        return;
    code->list = room_for_one(code->list, code->count, sizeof(*code->list));
    code->list[code->count++] = insn;
}

void code_add_sum(struct code *code, int to, int from, int32_t number)
{
    code_add(code, INSN_ALU(BPF_MOV, to, from));
    if (number != 0)
        code_add(code, INSN_ALU_NUMBER(BPF_ADD, to, number));
}

/* The one instruction of 16 bytes. `kind` says what the number means. */
static void add_wide(struct code *code, int to, int kind, uint32_t low, uint32_t high)
{
    code_add(code, insn_of(BPF_LD | BPF_IMM | BPF_DW, to, kind, 0, low));
    code_add(code, insn_of(0, 0, 0, 0, high));
}

static bool is_short(uint64_t number)
{
    return number == (uint64_t)(int64_t)(int32_t)number;
}

void code_add_constant(struct code *code, int to, uint64_t number)
{
    if (is_short(number))
        code_add(code, INSN_ALU_NUMBER(BPF_MOV, to, number));
    else
        add_wide(code, to, 0, (uint32_t)number, (uint32_t)(number >> 32));
}

void code_add_map(struct code *code, int to, int map)
{
    add_wide(code, to, BPF_PSEUDO_MAP_FD, (uint32_t)map, 0);
}

void code_add_map_value(struct code *code, int to, int map, uint32_t offset)
{
    add_wide(code, to, BPF_PSEUDO_MAP_VALUE, (uint32_t)map, offset);
}

code_label code_new_label(struct code *code)
{
    code->labels = room_for_one(code->labels, code->label_count, sizeof(*code->labels));
    code->labels[code->label_count] = (struct code_place){0};
    return code->label_count++;
}

void code_place(struct code *code, code_label label)
{
    code->labels[label].at = code->count;
    if (code->labels[label].used)
        code->unreachable = false;
}

static void add_jump(struct code *code, struct bpf_insn insn, code_label label)
{
    if (code->unreachable)
        return;
    code->jumps = room_for_one(code->jumps, code->jump_count, sizeof(*code->jumps));
    code->jumps[code->jump_count++] = (struct code_jump){.at = code->count, .label = label};
    code->labels[label].used = true;
    code_add(code, insn);
    code->unreachable = BPF_OP(insn.code) == BPF_JA;
}

void code_add_exit(struct code *code)
{
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_0, 0));
    code_add(code, insn_of(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
    code->unreachable = true;
}

void code_jump(struct code *code, int comparison, int reg, int32_t number, code_label label)
{
    add_jump(code, insn_of(BPF_JMP | comparison | BPF_K, reg, 0, 0, number), label);
}

void code_jump_wide(struct code *code, int comparison, int reg, uint64_t number, int spare,
                    code_label label)
{
    if (is_short(number)) {
        code_jump(code, comparison, reg, (int32_t)number, label);
        return;
    }
    code_add_constant(code, spare, number);
    add_jump(code, insn_of(BPF_JMP | comparison | BPF_X, reg, spare, 0, 0), label);
}

int code_finish(struct code *code)
{
    size_t branches = 0;
    int error = 0;

    for (size_t i = 0; i < code->jump_count; i++) {
        const struct code_jump *jump = &code->jumps[i];
        size_t distance = code->labels[jump->label].at - jump->at - 1;

        branches += BPF_OP(code->list[jump->at].code) != BPF_JA;
        if (distance > FARTHEST || branches > MOST_BRANCHES)
            error = -E2BIG;
        else
            code->list[jump->at].off = (int16_t)distance;
    }
    free(code->jumps);
    free(code->labels);
    if (error == 0)
        return 0;
    free(code->list);
    code->list = NULL;
    code->count = 0;
    return error;
}
