/* SPDX-License-Identifier: MIT */
/*
 * The memory in which a run of a program works.
 *
 * A program has a BPF stack of 512 bytes. From Linux 6.13 on, one that uses more than 48 of them
 * has a private stack, one for each CPU (kernel/bpf/verifier.c, bpf_enable_priv_stack()). The
 * kernel has two runs of a kprobe's program on one CPU exclude each other, but not those of a
 * uprobe's: where one is preempted, or sleeps until a page is there, the next one overwrites its
 * memory. Events were mixed up by this, with Linux 7.2 and its default, PREEMPT_LAZY, in a flood.
 *
 * There, the memory is a slot of a map instead. Each CPU has several, which runs take and give
 * back. What stays on the stack is the context's address, in 8 bytes.
 *
 * Which slot a run has must not be known to the verifier, or it would look at all of the program
 * once for each. So a slot says itself where it is.
 */
#include "cli/trace/bpf/emitter.h"

#define SLOT_FIELD(name) (-SLOT_BYTES + (int)offsetof(struct slot, name))

int slot_context(struct emitter *emitter, int spare)
{
    if (emitter->memory == STACK)
        return CONTEXT;
    EMIT(emitter, LOAD(DW, spare, STACK, -8));
    return spare;
}

void slot_pass_context(struct emitter *emitter)
{
    if (slot_context(emitter, R1) == CONTEXT)
        EMIT(emitter, ALU(MOV, R1, CONTEXT));
}

/*
 * R0 = this CPU's first slot, in bytes from the map's start. Where CPUs have higher numbers than
 * there are CPUs, several share the first one's: to take a slot is atomic.
 */
static void find_slots(struct emitter *emitter)
{
    code_label known = 0;

    EMIT(emitter, CALL(get_smp_processor_id));
    code_jump_if(&emitter->code, BPF_JLT, R0, (int32_t)emitter->options->slot_cpus, &known);
    EMIT(emitter, ALUI(MOV, R0, 0));
    code_place(&emitter->code, known);
    EMIT(emitter, ALUI(MUL, R0, (int64_t)SLOTS_OF_CPU * SLOT_BYTES));
}

void slot_take(struct emitter *emitter)
{
    const struct program_options *options = emitter->options;
    int32_t last = (int32_t)(options->slot_cpus * SLOTS_OF_CPU - 1) * SLOT_BYTES;
    code_label taken = 0;

    if (emitter->memory == STACK) {
        EMIT(emitter, ALU(MOV, CONTEXT, R1));
        return;
    }
    EMIT(emitter, STORE(DW, STACK, -8, R1));
    find_slots(emitter);
    EMIT(emitter, LOAD_MAP_VALUE(SLOT, options->slots, 0), ALU(ADD, SLOT, R0));
    for (int i = 0; i < SLOTS_OF_CPU; i++) {
        EMIT(emitter, ALUI(MOV, R1, 1), ATOMIC_SWAP(SLOT, (int)offsetof(struct slot, taken), R1));
        code_jump_if(&emitter->code, BPF_JEQ, R1, 0, &taken);
        EMIT(emitter, ALUI(ADD, SLOT, SLOT_BYTES));
    }
    code_jump(&emitter->code, &emitter->crowded);
    code_place(&emitter->code, taken);
    /* The verifier does not know the place: that it is in the map, and a multiple of 16. */
    EMIT(emitter, LOAD(DW, R1, SLOT, (int)offsetof(struct slot, place)), ALUI(AND, R1, -16),
         LOAD_MAP_VALUE(SLOT, options->slots, 0));
    code_jump_if(&emitter->code, BPF_JGT, R1, last, &emitter->crowded);
    EMIT(emitter, ALU(ADD, SLOT, R1), ALUI(ADD, SLOT, SLOT_BYTES));
}

void slot_exit(struct emitter *emitter)
{
    if (emitter->memory != STACK)
        EMIT(emitter, STOREI(DW, SLOT, SLOT_FIELD(taken), 0));
    code_add_exit(&emitter->code);
}

void slot_end(struct emitter *emitter)
{
    slot_exit(emitter);
    if (emitter->memory == STACK)
        return;
    code_place(&emitter->code, emitter->crowded);
    count_add_to_counter(emitter, COUNTER_CROWDED);
    code_add_exit(&emitter->code);
}
