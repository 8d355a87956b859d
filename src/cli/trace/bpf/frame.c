/* SPDX-License-Identifier: MIT */
/*
 * The memory in which a program works: its frame.
 *
 * A program has a BPF stack of 512 bytes. From Linux 6.13 on, one that uses more than 48 of them
 * has a private stack, one for each CPU (kernel/bpf/verifier.c, bpf_enable_priv_stack()). The
 * kernel has two runs of a kprobe's program on one CPU exclude each other, but not those of a
 * uprobe's: where one is preempted, or sleeps until a page is there, the next one overwrites its
 * memory. Events were mixed up by this, with Linux 7.2 and its default, PREEMPT_LAZY, in a flood.
 *
 * There, a frame is a slot of a map instead. Each CPU has several, which runs take and give back; a
 * program does not change its CPU. What stays on the stack is the context's address, in 8 bytes.
 *
 * Which slot a run has must not be known to the verifier, or it would look at all of the program
 * once for each. So a slot says itself where it is.
 */
#include "cli/trace/bpf/emitter.h"

#define SLOT_OF(name) (-FRAME_SLOT_BYTES + (int)offsetof(struct frame_slot, name))

int frame_context(struct emitter *emitter, int spare)
{
    if (emitter->frame == STACK)
        return CONTEXT;
    EMIT(emitter, LOAD(DW, spare, STACK, -8));
    return spare;
}

void frame_pass_context(struct emitter *emitter)
{
    if (frame_context(emitter, R1) == CONTEXT)
        EMIT(emitter, ALU(MOV, R1, CONTEXT));
}

/* R0 = this CPU's first slot, counted in bytes from the map's start. */
static void find_slots(struct emitter *emitter)
{
    EMIT(emitter, CALL(get_smp_processor_id));
    code_jump_if(&emitter->code, BPF_JGE, R0, (int32_t)emitter->options->frame_cpus,
                 &emitter->crowded);
    EMIT(emitter, ALUI(MUL, R0, (int64_t)FRAME_SLOTS * FRAME_SLOT_BYTES));
}

void frame_take(struct emitter *emitter)
{
    const struct program_options *options = emitter->options;
    int32_t last = (int32_t)(options->frame_cpus * FRAME_SLOTS - 1) * FRAME_SLOT_BYTES;
    code_label taken = 0;

    if (emitter->frame == STACK) {
        EMIT(emitter, ALU(MOV, CONTEXT, R1));
        return;
    }
    EMIT(emitter, STORE(DW, STACK, -8, R1));
    find_slots(emitter);
    EMIT(emitter, LOAD_MAP_VALUE(FRAME, options->frames, 0), ALU(ADD, FRAME, R0));
    for (int i = 0; i < FRAME_SLOTS; i++) {
        EMIT(emitter, ALUI(MOV, R1, 1),
             ATOMIC_SWAP(FRAME, (int)offsetof(struct frame_slot, taken), R1));
        code_jump_if(&emitter->code, BPF_JEQ, R1, 0, &taken);
        EMIT(emitter, ALUI(ADD, FRAME, FRAME_SLOT_BYTES));
    }
    code_jump(&emitter->code, &emitter->crowded);
    code_place(&emitter->code, taken);
    EMIT(emitter, LOAD(DW, R1, FRAME, (int)offsetof(struct frame_slot, place)),
         LOAD_MAP_VALUE(FRAME, options->frames, 0));
    code_jump_if(&emitter->code, BPF_JGT, R1, last, &emitter->crowded); /* for the verifier */
    EMIT(emitter, ALU(ADD, FRAME, R1), ALUI(ADD, FRAME, FRAME_SLOT_BYTES));
}

void frame_exit(struct emitter *emitter)
{
    if (emitter->frame != STACK)
        EMIT(emitter, STOREI(DW, FRAME, SLOT_OF(taken), 0));
    code_add_exit(&emitter->code);
}

void frame_end(struct emitter *emitter, int counter)
{
    frame_exit(emitter);
    if (emitter->frame == STACK)
        return;
    code_place(&emitter->code, emitter->crowded);
    count_add_to_counter(emitter, counter);
    code_add_exit(&emitter->code);
}
