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
 * The BPF stack has 512 bytes: SCRATCH at its top, then a record that is small enough, or the
 * values and the key of a count. A larger record is written in the ring buffer itself.
 */
#include "cli/trace/bpf/program.h"
#include "cli/trace/bpf/count.h"
#include "cli/trace/bpf/filter.h"
#include "cli/trace/bpf/record.h"

#define MOST_SMALL_BYTES (512 - SCRATCH_BYTES)

struct layout {
    size_t strings; /* in the record: where they begin */
    size_t string_room, string_count;
    size_t frames;
    size_t size;
    bool small;
};

struct maker {
    struct reader reader;
    const struct plan_probe *probe;
    const struct program_options *options;
    size_t variant;
    uint32_t string_arguments; /* as bits */
    struct layout layout;
    int base; /* the record's: a register, or a place in the stack */
    int32_t base_offset;
    code_label end, lost;
};

static struct layout layout_of(const struct maker *maker)
{
    struct layout layout = {
        .strings = sizeof(struct record) + 8 * maker->probe->argument_count,
        .string_room = sizeof(uint32_t) + RECORD_STRING_ROOM(maker->options->string_bytes),
        .string_count = (size_t)__builtin_popcount(maker->string_arguments),
    };

    layout.frames = layout.strings + layout.string_count * layout.string_room;
    layout.size = layout.frames + (maker->options->stack ? 8 * RECORD_MOST_FRAMES : 0);
    layout.small = layout.size <= MOST_SMALL_BYTES && !maker->options->stack;
    return layout;
}

static void read_values(struct maker *maker, uint32_t arguments)
{
    for (size_t i = 0; i < maker->probe->argument_count; i++) {
        if (arguments >> i & 1)
            value_read(&maker->reader, i);
    }
}

/* ------------------------------------------------------------------------------------ event -- */

#define FIELD(name) (maker->base_offset + (int32_t)offsetof(struct record, name))

/* Read a string to its room, and set its size and its bit in REG_MISSING. */
static void read_string(struct maker *maker, size_t argument, size_t room, bool last)
{
    struct code *code = &maker->reader.code;
    int32_t size = (int32_t)maker->options->string_bytes + 2;
    int32_t at = maker->base_offset + (int32_t)room;

    if (maker->layout.small) /* what the string leaves of its room must not be undefined */
        code_add(code, INSN_STORE_NUMBER(BPF_DW, BPF_REG_10,
                                         at + (int32_t)maker->layout.string_room - 8, 0));
    value_read_string(&maker->reader, argument, maker->base, at + 4, size, 0);

    /* R0 = 0 if the address is null; a negative R0 becomes the string's bit, and then 0, too. */
    code_add(code, INSN_LOAD(BPF_DW, BPF_REG_1, BPF_REG_10, value_slot(&maker->reader, argument)));
    code_add(code, INSN_ALU(BPF_MOV, BPF_REG_2, BPF_REG_1));
    code_add(code, INSN_ALU_NUMBER(BPF_NEG, BPF_REG_2, 0));
    code_add(code, INSN_ALU(BPF_OR, BPF_REG_1, BPF_REG_2));
    code_add(code, INSN_ALU_NUMBER(BPF_ARSH, BPF_REG_1, 63));
    code_add(code, INSN_ALU(BPF_AND, BPF_REG_0, BPF_REG_1));
    code_add(code, INSN_ALU(BPF_MOV, BPF_REG_1, BPF_REG_0));
    code_add(code, INSN_ALU_NUMBER(BPF_RSH, BPF_REG_1, 63));
    code_add(code, INSN_ALU_NUMBER(BPF_LSH, BPF_REG_1, argument));
    code_add(code, INSN_ALU(BPF_OR, REG_MISSING, BPF_REG_1));
    code_add(code, INSN_ALU(BPF_MOV, BPF_REG_1, BPF_REG_0));
    code_add(code, INSN_ALU_NUMBER(BPF_ARSH, BPF_REG_1, 63));
    code_add(code, INSN_ALU_NUMBER(BPF_XOR, BPF_REG_1, -1));
    code_add(code, INSN_ALU(BPF_AND, BPF_REG_0, BPF_REG_1));
    if (last && maker->layout.small) { /* the verifier wants a limit, which it never exceeds */
        code_jump(code, BPF_JGT, BPF_REG_0, size, maker->lost);
        code_add(code, INSN_ALU(BPF_MOV, REG_RECORD, BPF_REG_0));
    }
    if (at <= INT16_MAX) {
        code_add(code, INSN_STORE(BPF_W, maker->base, at, BPF_REG_0));
    } else {
        code_add_sum(code, BPF_REG_1, maker->base, at);
        code_add(code, INSN_STORE(BPF_W, BPF_REG_1, 0, BPF_REG_0));
    }
}

/* Reserve a large record, note the time, and read the strings. */
static void begin_record(struct maker *maker)
{
    struct code *code = &maker->reader.code;
    size_t room = maker->layout.strings;

    if (!maker->layout.small) {
        code_add_map(code, BPF_REG_1, maker->options->ring);
        code_add_constant(code, BPF_REG_2, maker->layout.size);
        code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_3, 0));
        code_add(code, INSN_CALL(HELPER_RING_RESERVE));
        code_jump(code, BPF_JEQ, BPF_REG_0, 0, maker->lost);
        code_add(code, INSN_ALU(BPF_MOV, REG_RECORD, BPF_REG_0));
    }
    code_add(code, INSN_CALL(HELPER_BOOT_TIME));
    code_add(code, INSN_STORE(BPF_DW, maker->base, FIELD(time), BPF_REG_0));
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, REG_MISSING, 0));
    for (size_t i = 0; i < maker->probe->argument_count; i++) {
        if (!(maker->string_arguments >> i & 1))
            continue;
        read_string(maker, i, room, room + maker->layout.string_room == maker->layout.frames);
        room += maker->layout.string_room;
    }
}

/*
 * If a string is missing, have the kernel make the strings' memory present and begin again. That
 * may take long, so there must not be a reserved record: all later ones would wait for it.
 */
static void begin_again(struct maker *maker)
{
    struct code *code = &maker->reader.code;
    code_label whole = code_new_label(code);

    code_jump(code, BPF_JEQ, REG_MISSING, 0, whole);
    if (!maker->layout.small) {
        code_add(code, INSN_ALU(BPF_MOV, BPF_REG_1, REG_RECORD));
        code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_2, 0));
        code_add(code, INSN_CALL(HELPER_RING_DISCARD));
    }
    for (size_t i = 0; i < maker->probe->argument_count; i++) {
        if (maker->string_arguments >> i & 1)
            value_touch_string(&maker->reader, i, (int32_t)maker->options->string_bytes + 2, 0);
    }
    begin_record(maker);
    code_place(code, whole);
}

static void add_pids(struct maker *maker)
{
    struct code *code = &maker->reader.code;
    int tgid = BPF_REG_1, tid = BPF_REG_0;

    if (maker->options->pid_inode == 0) {
        code_add(code, INSN_CALL(HELPER_PID_TGID));
        code_add(code, INSN_ALU(BPF_MOV, tgid, BPF_REG_0));
        code_add(code, INSN_ALU_NUMBER(BPF_RSH, tgid, 32));
    } else { /* struct bpf_pidns_info: the thread's number, then the process's; 0 on failure */
        code_add_constant(code, BPF_REG_1, maker->options->pid_device);
        code_add_constant(code, BPF_REG_2, maker->options->pid_inode);
        code_add_sum(code, BPF_REG_3, BPF_REG_10, SCRATCH);
        code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_4, 8));
        code_add(code, INSN_CALL(HELPER_NAMESPACE_PID_TGID));
        code_add(code, INSN_LOAD(BPF_W, tid, BPF_REG_10, SCRATCH));
        code_add(code, INSN_LOAD(BPF_W, tgid, BPF_REG_10, SCRATCH + 4));
    }
    code_add(code, INSN_STORE(BPF_W, maker->base, FIELD(pid), tgid));
    code_add(code, INSN_STORE(BPF_W, maker->base, FIELD(tid), tid));
}

static void add_head(struct maker *maker)
{
    struct code *code = &maker->reader.code;

    count_add_variant(code, maker->options, maker->variant);
    code_add(code, INSN_STORE(BPF_W, maker->base, FIELD(variant), BPF_REG_0));
    code_add(code, INSN_CALL(HELPER_CPU));
    code_add(code, INSN_STORE(BPF_W, maker->base, FIELD(cpu), BPF_REG_0));
    add_pids(maker);
    code_add(code, INSN_ALU(BPF_OR, REG_MISSING, REG_UNREADABLE));
    code_add(code, INSN_STORE(BPF_W, maker->base, FIELD(unreadable), REG_MISSING));
    code_add_sum(code, BPF_REG_1, maker->base, FIELD(comm));
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_2, sizeof(((struct record *)NULL)->comm)));
    code_add(code, INSN_CALL(HELPER_COMM));
}

/* A stack that can't be had is an empty one. */
static void add_frames(struct maker *maker)
{
    struct code *code = &maker->reader.code;
    code_label good = code_new_label(code);

    code_add(code, INSN_ALU(BPF_MOV, BPF_REG_1, REG_CONTEXT));
    code_add_sum(code, BPF_REG_2, maker->base, (int32_t)maker->layout.frames);
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_3, INT64_C(8) * RECORD_MOST_FRAMES));
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_4, BPF_F_USER_STACK));
    code_add(code, INSN_CALL(HELPER_STACK));
    code_jump(code, BPF_JSGE, BPF_REG_0, 0, good);
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_0, 0));
    code_place(code, good);
    code_add(code, INSN_STORE(BPF_W, maker->base, FIELD(frame_size), BPF_REG_0));
}

/* A small record: with the size of its last string. */
static void send_small(struct maker *maker)
{
    struct code *code = &maker->reader.code;
    size_t last = maker->layout.size - maker->layout.string_room + sizeof(uint32_t);

    code_add_map(code, BPF_REG_1, maker->options->ring);
    code_add_sum(code, BPF_REG_2, BPF_REG_10, maker->base_offset);
    if (maker->layout.string_count != 0)
        code_add_sum(code, BPF_REG_3, REG_RECORD, (int32_t)last);
    else
        code_add_constant(code, BPF_REG_3, maker->layout.size);
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_4, 0));
    code_add(code, INSN_CALL(HELPER_RING_OUTPUT));
    code_jump(code, BPF_JNE, BPF_REG_0, 0, maker->lost);
}

static void send_large(struct maker *maker)
{
    struct code *code = &maker->reader.code;

    for (size_t i = 0; i < maker->probe->argument_count; i++) {
        code_add(code, INSN_LOAD(BPF_DW, BPF_REG_1, BPF_REG_10, value_slot(&maker->reader, i)));
        code_add(code,
                 INSN_STORE(BPF_DW, REG_RECORD, (int)(sizeof(struct record) + 8 * i), BPF_REG_1));
    }
    code_add(code, INSN_ALU(BPF_MOV, BPF_REG_1, REG_RECORD));
    code_add(code, INSN_ALU_NUMBER(BPF_MOV, BPF_REG_2, 0));
    code_add(code, INSN_CALL(HELPER_RING_SUBMIT));
}

static void add_event(struct maker *maker)
{
    struct code *code = &maker->reader.code;

    begin_record(maker);
    if (maker->reader.sleepable && maker->string_arguments != 0)
        begin_again(maker);
    add_head(maker);
    if (maker->options->stack)
        add_frames(maker);
    else
        code_add(code, INSN_STORE_NUMBER(BPF_W, maker->base, FIELD(frame_size), 0));
    maker->layout.small ? send_small(maker) : send_large(maker);
    code_add_exit(code);
    code_place(code, maker->lost);
    count_add_to_counter(code, maker->options, COUNTER_LOST);
}

/* ------------------------------------------------------------------------------------------ -- */

/* Where the values are: in a small record, or by themselves. */
static void place(struct maker *maker)
{
    size_t count = maker->probe->argument_count;

    maker->layout = layout_of(maker);
    maker->reader.slots = SCRATCH - 8 * (int)count;
    if (maker->options->mode != TRACE_EVENTS)
        return;
    maker->base = REG_RECORD;
    if (!maker->layout.small)
        return;
    maker->base = BPF_REG_10;
    maker->base_offset = SCRATCH - (int32_t)maker->layout.size;
    maker->reader.slots = maker->base_offset + (int)sizeof(struct record);
}

int program_emit(const struct plan *plan, size_t number, const struct program_options *options,
                 struct program *ret)
{
    const struct plan_variant *variant = &plan->variants[number];
    const struct plan_probe *probe = &plan->probes[variant->probe];
    struct maker maker = {
        .reader = {.values = variant->values, .sleepable = options->sleepable},
        .probe = probe,
        .options = options,
        .variant = number,
    };
    struct code *code = &maker.reader.code;
    uint32_t first = filter_arguments(variant->condition), all = 0, unreadable = 0;
    int error;

    for (size_t i = 0; i < probe->argument_count; i++) {
        unreadable |= (uint32_t)!value_is_readable(&variant->values[i]) << i;
        maker.string_arguments |= (uint32_t)(variant->values[i].kind == VALUE_STRING) << i;
        if (options->mode == TRACE_EVENTS || (ssize_t)i == probe->by ||
            (options->mode == TRACE_HISTOGRAM && (ssize_t)i == probe->hist))
            all |= UINT32_C(1) << i;
    }
    place(&maker);
    maker.end = code_new_label(code);
    maker.lost = code_new_label(code);
    code_add(code, INSN_ALU(BPF_MOV, REG_CONTEXT, BPF_REG_1));
    code_add_constant(code, REG_UNREADABLE, unreadable);
    read_values(&maker, first);
    if (variant->condition)
        filter_add(&maker.reader, variant->condition, maker.end);
    read_values(&maker, all & ~first);
    if (options->mode == TRACE_EVENTS)
        add_event(&maker);
    else
        count_add(&maker.reader, probe, options, number);
    code_place(code, maker.end);
    code_add_exit(code);
    error = code_finish(code);
    *ret = (struct program){.list = code->list, .count = code->count};
    return error;
}
