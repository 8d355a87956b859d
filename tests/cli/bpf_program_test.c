/* SPDX-License-Identifier: MIT */
/*
 * The BPF programs of `rst trace`, instruction by instruction: golden/NAME.txt lists each. And what
 * holds for all: jumps lead forward, and every instruction can be reached.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf_model.h"
#include "bpf_values.h"
#include "cli/trace/bpf/insn.h"
#include "support/golden.h"

enum { RING = 11, COUNTERS_MAP = 12, COUNTS = 13 };

static const struct program_options usual = {
    .string_bytes = 256,
    .ring = RING,
    .counters = COUNTERS_MAP,
    .counts = COUNTS,
};

/* uint64 id, string path, int32 status: as librst passes them. */
static void three_arguments(struct model *ret)
{
    *ret = (struct model){
        .probe = {.argument_count = 3, .by = -1, .hist = -1},
        .options = usual,
    };
    ret->plan.probes = &ret->probe;
    ret->plan.variants = &ret->variant;
    ret->plan.probe_count = ret->plan.variant_count = 1;
    ret->variant.context = context_find(&rst_arch_x86_64, &rst_arch_x86_64);
    ret->variant.values[0] = value_in_register(VALUE_INTEGER, 8, false, REG_DI);
    ret->variant.values[1] = value_in_register(VALUE_STRING, 8, false, REG_SI);
    ret->variant.values[2] = value_in_register(VALUE_INTEGER, 4, true, REG_DX);
}

static void check_golden(struct model *model, const char *name)
{
    struct program made;
    struct text text = {0};

    assert_int_equal(program_emit(&model->plan, 0, &model->options, &made), 0);
    text_addf(&text, "%zu instructions\n", made.count);
    text_add_insns(&text, made.list, made.count);
    free(made.list);
    golden_check(GOLDEN_DIRECTORY, name, text.bytes);
}

static void a_small_event_is_built_on_the_stack(void **state)
{
    struct model model;

    (void)state;
    three_arguments(&model);
    check_golden(&model, "event");
}

static void a_sleepable_program_faults_strings_in_and_reads_again(void **state)
{
    struct model model;

    (void)state;
    three_arguments(&model);
    model.options.sleepable = model.options.by_cookie = true;
    check_golden(&model, "event-sleepable");
}

static void with_slots(struct model *ret)
{
    three_arguments(ret);
    ret->options.sleepable = ret->options.by_cookie = true;
    ret->options.slots = 14;
    ret->options.slot_cpus = 2;
}

static void an_event_is_built_in_a_slot_of_a_map(void **state)
{
    struct model model;

    (void)state;
    with_slots(&model);
    check_golden(&model, "event-slot");
}

static void a_large_event_keeps_its_values_in_a_slot(void **state)
{
    struct model model;

    (void)state;
    with_slots(&model);
    model.options.stack = true;
    model.options.string_bytes = 4096;
    model.options.pid_device = 4;
    model.options.pid_inode = 0xf0000042;
    check_golden(&model, "event-large-slot");
}

static void a_key_is_made_in_a_slot(void **state)
{
    struct model model;

    (void)state;
    with_slots(&model);
    model.options.mode = TRACE_COUNT;
    model.probe.by = 1;
    model.options.string_keys = true;
    check_golden(&model, "count-by-slot");
}

static void a_count_needs_no_slot(void **state)
{
    struct model model;

    (void)state;
    with_slots(&model);
    model.options.mode = TRACE_COUNT;
    check_golden(&model, "count");
}

static void a_large_event_is_written_in_the_ring(void **state)
{
    struct model model;

    (void)state;
    three_arguments(&model);
    model.options.sleepable = model.options.stack = true;
    model.options.string_bytes = 4096;
    model.options.pid_device = 4;
    model.options.pid_inode = 0xf0000042;
    check_golden(&model, "event-large");
}

static void every_location_is_read(void **state)
{
    struct model model;
    struct plan_value *values = model.variant.values;

    (void)state;
    three_arguments(&model);
    model.probe.argument_count = 7;
    values[0] = value_in_memory(VALUE_INTEGER, 2, true, REG_SP, 16);
    values[1] = value_in_memory(VALUE_INTEGER, 1, false, REG_BX, -8);
    values[1].location.index = REG_DI;
    values[1].location.scale = 8;
    values[2] = value_in_memory(VALUE_DOUBLE, 8, false, LOCATION_NO_REGISTER, 0x123456789a);
    values[2].location.relative = true;
    values[3] = value_in_register(VALUE_INTEGER, 1, false, REG_DX);
    values[3].location.shift = 8;
    values[4] = (struct plan_value){.kind = VALUE_INTEGER, .size = 4, .is_signed = true};
    values[4].location.kind = LOCATION_CONSTANT;
    values[4].location.number = -1;
    values[5] = values[4];
    values[5].size = 0; /* none can be read from here */
    values[6] = (struct plan_value){.kind = VALUE_FLOAT, .size = 4};
    check_golden(&model, "locations");
}

static void a_count_adds_one(void **state)
{
    struct model model;

    (void)state;
    three_arguments(&model);
    model.options.mode = TRACE_COUNT;
    model.options.by_cookie = true;
    check_golden(&model, "count");
}

static void a_count_by_a_string_has_a_key(void **state)
{
    struct model model;

    (void)state;
    three_arguments(&model);
    model.options.mode = TRACE_COUNT;
    model.options.string_keys = true;
    model.probe.by = 1;
    check_golden(&model, "count-by");
}

static void a_histogram_has_buckets(void **state)
{
    struct model model;

    (void)state;
    three_arguments(&model);
    model.options.mode = TRACE_HISTOGRAM;
    model.probe.hist = 2;
    model.probe.by = 0;
    check_golden(&model, "histogram");
}

static void a_histogram_of_floats_has_their_exponents(void **state)
{
    struct model model;

    (void)state;
    three_arguments(&model);
    model.options.mode = TRACE_HISTOGRAM;
    model.variant.values[0] = value_in_memory(VALUE_FLOAT, 4, false, REG_CX, 0);
    model.options.sleepable = true;
    model.probe.hist = 0;
    check_golden(&model, "histogram-float");
}

/* id in 10..20, or path not "/index.html" and status below 0 */
static void a_filter_is_jumps(void **state)
{
    char text[] = "/index.html";
    struct condition both[] = {
        {.kind = CONDITION_TEXT,
         .argument = 1,
         .negated = true,
         .text = text,
         .text_size = sizeof(text) - 1},
        {.kind = CONDITION_RANGE, .argument = 2, .low = (uint64_t)INT64_MIN, .high = UINT64_MAX},
    };
    struct condition either[] = {
        {.kind = CONDITION_RANGE, .low = 10, .high = 20},
        {.kind = CONDITION_ALL, .parts = both, .part_count = 2},
    };
    struct condition condition = {.kind = CONDITION_ANY, .parts = either, .part_count = 2};
    struct model model;

    (void)state;
    three_arguments(&model);
    model.options.mode = TRACE_COUNT;
    model.variant.condition = &condition;
    check_golden(&model, "filter");
}

/* A number, a string and a number in memory; the string must be "/index". */
static void check_on(const struct rst_arch *kernel, const struct rst_arch *program,
                     const char *operands, const char *name)
{
    char text[] = "/index";
    struct condition condition = {
        .kind = CONDITION_TEXT, .argument = 1, .text = text, .text_size = sizeof(text) - 1};
    struct operand operand;
    struct model model;

    three_arguments(&model);
    model.variant.context = context_find(kernel, program);
    model.variant.condition = &condition;
    for (size_t i = 0; operand_next(&operands, program->machine, &operand); i++) {
        model.variant.values[i].size = operand_size(&operand);
        model.variant.values[i].location = location_of(model.variant.context, &operand, 0, NULL);
    }
    check_golden(&model, name);
}

static void aarch64_has_other_registers(void **state)
{
    (void)state;
    check_on(&rst_arch_aarch64, &rst_arch_aarch64, "8@x0 8@x1 -4@[sp, 16]", "event-aarch64");
}

static void registers_of_i386_have_32_bits(void **state)
{
    (void)state;
    check_on(&rst_arch_x86_64, &rst_arch_i386, "8@8(%ebp) 4@%esi -4@(%ebx,%ecx,4)", "event-i386");
}

static void numbers_of_s390x_are_big_endian(void **state)
{
    (void)state;
    check_on(&rst_arch_s390x, &rst_arch_s390x, "8@%r2 8@%r3 -4@340(%r15)", "event-s390x");
}

/* ----------------------------------------------------------------------------------- for all -- */

static void check_jumps(const struct program *program)
{
    bool *reached = calloc(program->count + 1, 1);

    assert_non_null(reached);
    reached[0] = true;
    for (size_t at = 0; at < program->count; at++) {
        struct bpf_insn insn = program->list[at];
        bool jump = BPF_CLASS(insn.code) == BPF_JMP && BPF_OP(insn.code) != BPF_CALL &&
                    BPF_OP(insn.code) != BPF_EXIT;

        assert_true(reached[at]);
        if (jump) {
            assert_true(insn.off >= 0 && at + 1 + (size_t)insn.off < program->count);
            reached[at + 1 + (size_t)insn.off] = true;
        }
        if (BPF_CLASS(insn.code) != BPF_JMP ||
            (BPF_OP(insn.code) != BPF_JA && BPF_OP(insn.code) != BPF_EXIT))
            reached[at + 1] = true;
    }
    assert_false(reached[program->count]);
    free(reached);
}

static void jumps_lead_forward_and_all_is_reached(void **state)
{
    (void)state;
    model_seed(3);
    for (int i = 0; i < 2000; i++) {
        struct model model;
        struct program made, again;

        model_make(&model, 12, model_random(30));
        assert_int_equal(program_emit(&model.plan, 0, &model.options, &made), 0);
        assert_int_equal(program_emit(&model.plan, 0, &model.options, &again), 0);
        check_jumps(&made);
        assert_int_equal(made.count, again.count);
        assert_memory_equal(made.list, again.list, made.count * sizeof(*made.list));
        free(made.list);
        free(again.list);
        model_free(&model);
    }
}

static int emit_many(int kind, size_t count)
{
    struct condition condition = {.kind = kind, .part_count = count};
    struct model model;
    struct program made;
    int error;

    condition.parts = calloc(count, sizeof(*condition.parts));
    assert_non_null(condition.parts);
    for (size_t i = 0; i < count; i++)
        condition.parts[i] = (struct condition){.kind = CONDITION_RANGE, .low = i, .high = i};
    three_arguments(&model);
    model.variant.condition = &condition;
    error = program_emit(&model.plan, 0, &model.options, &made);
    assert_true(error == 0 || (!made.list && made.count == 0));
    free(made.list);
    free(condition.parts);
    return error;
}

static void a_filter_that_is_too_long_for_the_kernel_is_refused(void **state)
{
    (void)state;
    assert_int_equal(emit_many(CONDITION_ALL, 7900), 0);
    assert_int_equal(emit_many(CONDITION_ALL, 8001), -E2BIG); /* too many branches */
    assert_int_equal(emit_many(CONDITION_ANY, 7900), 0);
    assert_int_equal(emit_many(CONDITION_ANY, 12000), -E2BIG); /* a jump is too far */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_event_is_built_on_the_stack),
        cmocka_unit_test(a_sleepable_program_faults_strings_in_and_reads_again),
        cmocka_unit_test(an_event_is_built_in_a_slot_of_a_map),
        cmocka_unit_test(a_large_event_keeps_its_values_in_a_slot),
        cmocka_unit_test(a_key_is_made_in_a_slot),
        cmocka_unit_test(a_count_needs_no_slot),
        cmocka_unit_test(a_large_event_is_written_in_the_ring),
        cmocka_unit_test(every_location_is_read),
        cmocka_unit_test(a_count_adds_one),
        cmocka_unit_test(a_count_by_a_string_has_a_key),
        cmocka_unit_test(a_histogram_has_buckets),
        cmocka_unit_test(a_histogram_of_floats_has_their_exponents),
        cmocka_unit_test(a_filter_is_jumps),
        cmocka_unit_test(aarch64_has_other_registers),
        cmocka_unit_test(registers_of_i386_have_32_bits),
        cmocka_unit_test(numbers_of_s390x_are_big_endian),
        cmocka_unit_test(jumps_lead_forward_and_all_is_reached),
        cmocka_unit_test(a_filter_that_is_too_long_for_the_kernel_is_refused),
    };

    return cmocka_run_group_tests_name("bpf_program", tests, NULL, NULL);
}
