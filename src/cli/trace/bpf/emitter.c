/* SPDX-License-Identifier: MIT */
/*
 * A program, from its start to its end:
 *
 *     read the arguments that the filter needs
 *     the filter
 *     read the other arguments that are needed
 *     an event: read the strings, fill the record's head, send the record
 *     a count:  find it by its key, and add 1
 *
 * The memory has 512 bytes: SCRATCH at its top, then a record that is small enough, or the values
 * and the key of a count. A larger record is written in the ring buffer itself.
 */
#include "cli/trace/bpf/emitter.h"

#define CALLS_BYTES ((int)sizeof(uint64_t[RECORD_MOST_FRAMES])) /* of a user stack */
#define FIELD(name) (emitter->base_offset + (int)offsetof(struct record, name))

/* Whether the program keeps nothing but the key of a count, which is the variant's number. */
static bool needs_no_slot(const struct emitter *emitter, const struct condition *condition)
{
    return emitter->options->mode == TRACE_COUNT && emitter->probe->by < 0 && !condition;
}

/* Where the values are: in a small record, or by themselves. */
static void place(struct emitter *emitter, bool no_slot)
{
    bool events = emitter->options->mode == TRACE_EVENTS;
    int values = no_slot ? 0 : 8 * (int)emitter->probe->argument_count;

    emitter->memory = emitter->options->slot_cpus == 0 || no_slot ? STACK : SLOT;
    emitter->string_room =
        (int)sizeof(uint32_t) + (int)RECORD_STRING_ROOM(emitter->options->string_bytes);
    emitter->size =
        (int)sizeof(struct record) + values + emitter->string_count * emitter->string_room;
    emitter->small =
        events && !emitter->options->stack && emitter->size <= MEMORY_BYTES - SCRATCH_BYTES;
    emitter->base = emitter->small ? emitter->memory : RECORD;
    emitter->base_offset = emitter->small ? SCRATCH - emitter->size : 0;
    emitter->values_at = emitter->small ? FIELD(comm) + (int)sizeof(((struct record *)NULL)->comm)
                         : no_slot      ? COUNT_KEY_ROOM - 8 /* so that the variant is at -8 */
                                        : SCRATCH - values;
}

/* Read a string to its room, and set its size and its bit in MISSING. */
static void read_string(struct emitter *emitter, size_t argument, int room)
{
    int at = emitter->base_offset + room, size = (int)emitter->options->string_bytes + 2;

    if (emitter->small) /* what the string leaves of its room must not be undefined */
        EMIT(emitter, STOREI(DW, emitter->memory, at + emitter->string_room - 8, 0));
    value_read_string(emitter, argument, emitter->base, at + 4, size, 0);

    /* R0 = 0 if the address is null; a negative R0 becomes the string's bit, and then 0, too. */
    EMIT(emitter, LOAD(DW, R1, emitter->memory, value_slot(emitter, argument)), ALU(MOV, R2, R1),
         ALUI(NEG, R2, 0), ALU(OR, R1, R2), ALUI(ARSH, R1, 63), ALU(AND, R0, R1));
    EMIT(emitter, ALU(MOV, R1, R0), ALUI(RSH, R1, 63), ALUI(LSH, R1, argument),
         ALU(OR, MISSING, R1));
    EMIT(emitter, ALU(MOV, R1, R0), ALUI(ARSH, R1, 63), ALUI(XOR, R1, -1), ALU(AND, R0, R1));
    if (emitter->small && room + emitter->string_room == emitter->size) {
        /* The last string's size, for send_small(). The verifier wants a limit, which it keeps. */
        code_jump_if(&emitter->code, BPF_JGT, R0, size, &emitter->lost);
        EMIT(emitter, ALU(MOV, RECORD, R0));
    }
    if (at <= INT16_MAX)
        EMIT(emitter, STORE(W, emitter->base, at, R0));
    else
        EMIT(emitter, SUM(R1, emitter->base, at), STORE(W, R1, 0, R0));
}

/* Reserve a large record, note the time, and read the strings. */
static void begin_record(struct emitter *emitter)
{
    int room = (int)sizeof(struct record) + 8 * (int)emitter->probe->argument_count;
    int frames = emitter->options->stack ? CALLS_BYTES : 0;

    if (!emitter->small) {
        EMIT(emitter, LOAD_MAP(R1, emitter->options->ring), ALUI(MOV, R2, emitter->size + frames),
             ALUI(MOV, R3, 0), CALL(ringbuf_reserve));
        code_jump_if(&emitter->code, BPF_JEQ, R0, 0, &emitter->lost);
        EMIT(emitter, ALU(MOV, RECORD, R0));
    }
    EMIT(emitter, CALL(ktime_get_boot_ns), STORE(DW, emitter->base, FIELD(time), R0),
         ALUI(MOV, MISSING, 0));
    for (size_t i = 0; i < emitter->probe->argument_count; i++)
        if (emitter->values[i].kind == VALUE_STRING) {
            read_string(emitter, i, room);
            room += emitter->string_room;
        }
}

/*
 * If a string is missing, have the kernel make the strings' memory present and begin again. That
 * may take long, so there must not be a reserved record: all later ones would wait for it.
 */
static void begin_again(struct emitter *emitter)
{
    code_label whole = 0;

    code_jump_if(&emitter->code, BPF_JEQ, MISSING, 0, &whole);
    if (!emitter->small)
        EMIT(emitter, ALU(MOV, R1, RECORD), ALUI(MOV, R2, 0), CALL(ringbuf_discard));
    for (size_t i = 0; i < emitter->probe->argument_count; i++)
        if (emitter->values[i].kind == VALUE_STRING)
            value_touch_string(emitter, i, (int)emitter->options->string_bytes + 2, 0);
    begin_record(emitter);
    code_place(&emitter->code, whole);
}

static void add_pids(struct emitter *emitter)
{
    const struct program_options *options = emitter->options;

    if (options->pid_inode == 0) {
        EMIT(emitter, CALL(get_current_pid_tgid), ALU(MOV, R1, R0), ALUI(RSH, R1, 32));
    } else { /* struct bpf_pidns_info: the thread's number, then the process's; 0 on failure */
        code_add_constant(&emitter->code, R1, options->pid_device);
        code_add_constant(&emitter->code, R2, options->pid_inode);
        EMIT(emitter, SUM(R3, emitter->memory, SCRATCH), ALUI(MOV, R4, 8),
             CALL(get_ns_current_pid_tgid), LOAD(W, R0, emitter->memory, SCRATCH),
             LOAD(W, R1, emitter->memory, SCRATCH + 4));
    }
    EMIT(emitter, STORE(W, emitter->base, FIELD(pid), R1), STORE(W, emitter->base, FIELD(tid), R0));
}

static void add_head(struct emitter *emitter)
{
    int base = emitter->base;

    count_add_variant(emitter);
    EMIT(emitter, STORE(W, base, FIELD(variant), R0), CALL(get_smp_processor_id),
         STORE(W, base, FIELD(cpu), R0));
    add_pids(emitter);
    EMIT(emitter, ALU(OR, MISSING, UNREADABLE), STORE(W, base, FIELD(unreadable), MISSING),
         SUM(R1, base, FIELD(comm)), ALUI(MOV, R2, sizeof(((struct record *)NULL)->comm)),
         CALL(get_current_comm));
}

/* A stack that can't be had is an empty one. */
static void add_frames(struct emitter *emitter)
{
    code_label good = 0;

    if (!emitter->options->stack) {
        EMIT(emitter, STOREI(W, emitter->base, FIELD(frame_size), 0));
        return;
    }
    slot_pass_context(emitter);
    EMIT(emitter, SUM(R2, emitter->base, emitter->size), ALUI(MOV, R3, CALLS_BYTES),
         ALUI(MOV, R4, BPF_F_USER_STACK), CALL(get_stack));
    code_jump_if(&emitter->code, BPF_JSGE, R0, 0, &good);
    EMIT(emitter, ALUI(MOV, R0, 0));
    code_place(&emitter->code, good);
    EMIT(emitter, STORE(W, emitter->base, FIELD(frame_size), R0));
}

/* A small record: with the size of its last string. */
static void send_small(struct emitter *emitter)
{
    EMIT(emitter, LOAD_MAP(R1, emitter->options->ring),
         SUM(R2, emitter->memory, emitter->base_offset));
    if (emitter->string_count != 0)
        EMIT(emitter, SUM(R3, RECORD, emitter->size - emitter->string_room + 4));
    else
        EMIT(emitter, ALUI(MOV, R3, emitter->size));
    EMIT(emitter, ALUI(MOV, R4, 0), CALL(ringbuf_output));
    code_jump_if(&emitter->code, BPF_JNE, R0, 0, &emitter->lost);
}

static void send_large(struct emitter *emitter)
{
    for (size_t i = 0; i < emitter->probe->argument_count; i++)
        EMIT(emitter, LOAD(DW, R1, emitter->memory, value_slot(emitter, i)),
             STORE(DW, RECORD, (int)(sizeof(struct record) + 8 * i), R1));
    EMIT(emitter, ALU(MOV, R1, RECORD), ALUI(MOV, R2, 0), CALL(ringbuf_submit));
}

static void add_event(struct emitter *emitter)
{
    begin_record(emitter);
    if (emitter->options->sleepable && emitter->string_count != 0)
        begin_again(emitter);
    add_head(emitter);
    add_frames(emitter);
    emitter->small ? send_small(emitter) : send_large(emitter);
    slot_exit(emitter);
    code_place(&emitter->code, emitter->lost);
    count_add_to_counter(emitter, COUNTER_LOST);
}

struct program_options program_options_of(const struct plan *plan)
{
    struct program_options options = {
        .mode = plan->options->mode,
        .stack = plan->options->stack,
        .string_bytes = plan->options->string_bytes,
    };

    for (size_t i = 0; i < plan->variant_count; i++) {
        ssize_t by = plan->probes[plan->variants[i].probe].by;

        options.string_keys |= by >= 0 && plan->variants[i].values[by].kind == VALUE_STRING;
    }
    return options;
}

int program_emit(const struct plan *plan, size_t number, const struct program_options *options,
                 struct program *ret)
{
    const struct plan_variant *variant = &plan->variants[number];
    struct emitter emitter = {
        .options = options,
        .probe = &plan->probes[variant->probe],
        .values = variant->values,
        .context = variant->context,
        .variant = number,
    };
    struct code *code = &emitter.code;
    uint32_t first = filter_arguments(variant->condition), all = 0, unreadable = 0;
    code_label end = 0;
    int error;

    for (size_t i = 0; i < emitter.probe->argument_count; i++) {
        bool used = options->mode == TRACE_EVENTS || (ssize_t)i == emitter.probe->by ||
                    (options->mode == TRACE_HISTOGRAM && (ssize_t)i == emitter.probe->hist);

        all |= (uint32_t)used << i;
        unreadable |= (uint32_t)!value_is_readable(&emitter.values[i]) << i;
        emitter.string_count += emitter.values[i].kind == VALUE_STRING;
    }
    place(&emitter, needs_no_slot(&emitter, variant->condition));
    slot_take(&emitter);
    code_add_constant(code, UNREADABLE, unreadable);
    value_read(&emitter, first);
    if (variant->condition)
        filter_add(&emitter, variant->condition, &end);
    value_read(&emitter, all & ~first);
    if (options->mode == TRACE_EVENTS)
        add_event(&emitter);
    else
        count_add(&emitter);
    code_place(code, end);
    slot_end(&emitter);
    error = code_finish(code);
    *ret = (struct program){code->list, code->count};
    return error;
}
