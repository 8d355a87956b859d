/* SPDX-License-Identifier: MIT */
/*
 * The BPF programs of `rst trace` on every kernel: what they read of a program's registers and
 * memory, and in which byte order. An interpreter of BPF runs them, so that the kernel's CPU need
 * not be this one. bpf_program_test.c has the instructions; bpf_random_test.c asks this kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf_values.h"
#include "cli/trace/bpf/bpf.h"
#include "cli/trace/bpf/insn.h"
#include "cli/trace/plan/filter.h"
#include "cli/usdt/elf_file.h"

#define MEMORY 0x40000000 /* where the process has its memory */
#define MEMORY_SIZE 64
#define CONTEXT_SIZE 320

struct machine {
    const struct context *context;
    bool big_endian;
    uint8_t registers[CONTEXT_SIZE]; /* as the kernel hands them over */
    uint8_t memory[MEMORY_SIZE];
    uint8_t stack[512];
    uint8_t record[512];
    size_t record_size; /* 0: the program sent none */
    uint64_t r[11];
};

static void put_number(const struct machine *machine, uint8_t *to, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[machine->big_endian ? size - 1 - i : i] = (uint8_t)(number >> 8 * i);
}

static uint64_t get_number(const struct machine *machine, const void *from, size_t size)
{
    return elf_number(machine->big_endian, from, size);
}

/* ----------------------------------------------------------------------------- interpreter -- */

static void *host(uint64_t address)
{
    void *memory;

    memcpy(&memory, &address, sizeof(memory));
    return memory;
}

/* Read the process's memory. Gives the number of bytes that are there. */
static size_t read_user(const struct machine *machine, uint64_t address, void *ret, size_t size)
{
    size_t there = 0;

    if (address >= MEMORY && address < MEMORY + MEMORY_SIZE)
        there = MEMORY + MEMORY_SIZE - address;
    there = there < size ? there : size;
    memcpy(ret, machine->memory + (there > 0 ? address - MEMORY : 0), there);
    return there;
}

static uint64_t call_helper(struct machine *machine, int helper)
{
    const uint64_t *r = machine->r;
    char *to = host(r[1]);
    size_t size = r[2], there;

    switch (helper) {
    case HELPER_probe_read_user:
        memset(to, 0, size);
        return read_user(machine, r[3], to, size) == size ? 0 : (uint64_t)-14;
    case HELPER_probe_read_user_str:
        there = read_user(machine, r[3], to, size);
        there = strnlen(to, there);
        to[there < size ? there : size - 1] = '\0';
        return there < size ? there + 1 : size;
    case HELPER_get_current_comm:
        memset(to, 0, size);
        return 0;
    case HELPER_ringbuf_output:
        assert_true(r[3] <= sizeof(machine->record));
        memcpy(machine->record, host(r[2]), r[3]);
        machine->record_size = r[3];
        return 0;
    case HELPER_ktime_get_boot_ns:
    case HELPER_get_current_pid_tgid:
    case HELPER_get_smp_processor_id:
        return 7;
    default:
        fail_msg("helper %d is called", helper);
        return 0;
    }
}

static uint64_t calculate(int operation, uint64_t left, uint64_t right)
{
    switch (operation) {
    case BPF_MOV:
        return right;
    case BPF_ADD:
        return left + right;
    case BPF_SUB:
        return left - right;
    case BPF_MUL:
        return left * right;
    case BPF_OR:
        return left | right;
    case BPF_AND:
        return left & right;
    case BPF_XOR:
        return left ^ right;
    case BPF_LSH:
        return left << right;
    case BPF_RSH:
        return left >> right;
    case BPF_ARSH:
        return (uint64_t)((int64_t)left >> right);
    case BPF_NEG:
        return -left;
    default:
        fail_msg("operation %#x", operation);
        return 0;
    }
}

static bool compare(int comparison, uint64_t left, uint64_t right)
{
    switch (comparison) {
    case BPF_JA:
        return true;
    case BPF_JEQ:
        return left == right;
    case BPF_JNE:
        return left != right;
    case BPF_JGT:
        return left > right;
    case BPF_JSLT:
        return (int64_t)left < (int64_t)right;
    case BPF_JSGE:
        return (int64_t)left >= (int64_t)right;
    default:
        fail_msg("comparison %#x", comparison);
        return false;
    }
}

static void step(struct machine *machine, const struct bpf_insn **at)
{
    static const size_t sizes[] = {4, 2, 1, 8};
    const struct bpf_insn *insn = (*at)++;
    uint64_t *to = &machine->r[insn->dst_reg];
    uint64_t from = machine->r[insn->src_reg];
    uint64_t right = BPF_SRC(insn->code) == BPF_X ? from : (uint64_t)(int64_t)insn->imm;
    size_t size = sizes[BPF_SIZE(insn->code) >> 3];

    switch (BPF_CLASS(insn->code)) {
    case BPF_LD: /* of 16 bytes */
        *to = insn->src_reg ? 0 : (uint64_t)(uint32_t)insn[1].imm << 32 | (uint32_t)insn->imm;
        ++*at;
        break;
    case BPF_LDX:
        *to = get_number(machine, (char *)host(from) + insn->off, size);
        break;
    case BPF_ST:
        put_number(machine, (uint8_t *)host(*to) + insn->off, (uint64_t)(int64_t)insn->imm, size);
        break;
    case BPF_STX:
        put_number(machine, (uint8_t *)host(*to) + insn->off, from, size);
        break;
    case BPF_JMP:
        if (BPF_OP(insn->code) == BPF_CALL)
            machine->r[0] = call_helper(machine, insn->imm);
        else if (BPF_OP(insn->code) == BPF_EXIT)
            *at = NULL;
        else if (compare(BPF_OP(insn->code), *to, right))
            *at += insn->off;
        break;
    default:
        *to = calculate(BPF_OP(insn->code), *to, right);
    }
}

static void run(struct machine *machine, const struct program *program)
{
    memset(machine->stack, 0xee, sizeof(machine->stack));
    machine->record_size = 0;
    machine->r[1] = (uintptr_t)machine->registers;
    machine->r[10] = (uintptr_t)(machine->stack + sizeof(machine->stack));
    for (const struct bpf_insn *at = program->list; at;)
        step(machine, &at);
}

/* ----------------------------------------------------------------------------------- cases -- */

#define ON(cpu) &rst_arch_##cpu, &rst_arch_##cpu
#define ON_X86_64 &rst_arch_x86_64, &rst_arch_i386
#define ON_AARCH64 &rst_arch_aarch64, &rst_arch_arm

static void start(struct machine *machine, const struct rst_arch *kernel,
                  const struct rst_arch *program)
{
    *machine = (struct machine){.context = context_find(kernel, program),
                                .big_endian = kernel->is_big_endian};
    memset(machine->registers, 0xdd, sizeof(machine->registers));
    for (size_t i = 0; i < MEMORY_SIZE; i++)
        machine->memory[i] = (uint8_t)(0xf0 + i);
}

/* A register of the kernel's size; what a 32-bit program does not have of it is anything. */
static void set_register(struct machine *machine, size_t offset, uint64_t value)
{
    bool is_wide = machine->context->kernel->is_64_bit;

    if (is_wide && !machine->context->program->is_64_bit)
        value = 0xdddddddd00000000 | (uint32_t)value;
    put_number(machine, machine->registers + offset, value, is_wide ? 8 : 4);
}

static struct plan_value read_operand(const struct machine *machine, enum value_kind kind,
                                      const char *text)
{
    const char *at = text;
    struct operand operand;

    assert_true(operand_next(&at, machine->context->program->machine, &operand));
    return (struct plan_value){.kind = kind,
                               .size = operand_size(&operand),
                               .is_signed = operand.is_signed,
                               .location = location_of(machine->context, &operand, 0, NULL)};
}

/* Run the program for one argument. */
static void trace(struct machine *machine, struct plan_value value, struct condition *condition)
{
    struct plan_probe probe = {.argument_count = 1, .by = -1, .hist = -1};
    struct plan_variant variant = {
        .context = machine->context, .values = {value}, .condition = condition};
    const struct plan plan = {
        .probes = &probe, .probe_count = 1, .variants = &variant, .variant_count = 1};
    const struct program_options options = {.string_bytes = 20};
    struct program program;

    assert_int_equal(program_emit(&plan, 0, &options, &program), 0);
    run(machine, &program);
    free(program.list);
}

#define VALUE sizeof(struct record)
#define UNREADABLE offsetof(struct record, unreadable)

/* The memory's first bytes are f0 f1 f2 f3 f4 f5 f6 f7. */
static void reads_values_of_every_cpu(void **state)
{
    static const struct {
        const struct rst_arch *kernel, *program;
        const char *operand;
        uint16_t base, index; /* where the context has these */
        uint64_t base_value, index_value, value;
    } cases[] = {
        {ON(x86_64), "-2@%cx", 88, 0, 0x1122334455668001, 0, -32767},
        {ON(x86_64), "1@%ah", 80, 0, 0x1122334455668001, 0, 0x80},
        {ON(x86_64), "4@8(%rax,%rdx,4)", 80, 96, MEMORY - 16, 2, 0xf3f2f1f0},
        {ON_X86_64, "4@%eax", 80, 0, 0x89abcdef, 0, 0x89abcdef},
        {ON_X86_64, "-4@%edi", 112, 0, 0x89abcdef, 0, 0xffffffff89abcdef},
        {ON_X86_64, "-1@%ch", 88, 0, 0x12348056, 0, -128},
        {ON_X86_64, "8@8(%ebp)", 32, 0, MEMORY - 8, 0, 0xf7f6f5f4f3f2f1f0},
        {ON_X86_64, "-4@(%ebx,%ecx,8)", 40, 88, MEMORY + 16, (uint32_t)-2, 0xfffffffff3f2f1f0},
        {ON(i386), "4@%edi", 16, 0, 0x89abcdef, 0, 0x89abcdef},
        {ON(i386), "-2@8(%ebp)", 20, 0, MEMORY - 8, 0, 0xfffffffffffff1f0},
        {ON(aarch64), "8@x7", 56, 0, UINT64_MAX, 0, UINT64_MAX},
        {ON(aarch64), "-1@x30", 240, 0, 0x80, 0, -128},
        {ON(aarch64), "2@[sp, 16]", 248, 0, MEMORY - 16, 0, 0xf1f0},
        {ON(aarch64), "1@[x3, x5, lsl 3]", 24, 40, MEMORY - 16, 2, 0xf0},
        {ON_AARCH64, "4@r1", 8, 0, 0x89abcdef, 0, 0x89abcdef},
        {ON_AARCH64, "8@[sp, #16]", 104, 0, MEMORY - 16, 0, 0xf7f6f5f4f3f2f1f0},
        {ON_AARCH64, "1@[r4, r11]", 32, 88, MEMORY + 16, (uint32_t)-16, 0xf0},
        {ON(arm), "-4@r10", 40, 0, 0x89abcdef, 0, 0xffffffff89abcdef},
        {ON(arm), "8@[sp, #24]", 52, 0, MEMORY - 24, 0, 0xf7f6f5f4f3f2f1f0},
        {ON(riscv64), "4@a0", 80, 0, 0x1122334489abcdef, 0, 0x89abcdef},
        {ON(riscv64), "2@-17(s0)", 64, 0, MEMORY + 17, 0, 0xf1f0},
        {ON(ppc64le), "4@3", 24, 0, 0x1122334489abcdef, 0, 0x89abcdef},
        {ON(ppc64le), "2@8,4", 64, 32, MEMORY - 40, 40, 0xf1f0},
        {ON(s390x), "4@%r2", 40, 0, 0x1122334489abcdef, 0, 0x89abcdef},
        {ON(s390x), "-1@%r2", 40, 0, 0x1122334455667780, 0, -128},
        {ON(s390x), "4@340(%r15)", 144, 0, MEMORY - 340, 0, 0xf0f1f2f3},
        {ON(s390x), "-2@340(%r15)", 144, 0, MEMORY - 340, 0, 0xfffffffffffff0f1},
        {ON(s390x), "8@0(%r3,%r1)", 32, 48, MEMORY - 40, 40, 0xf0f1f2f3f4f5f6f7},
        {ON(loongarch64), "8@$r4", 32, 0, 5, 0, 5},
        {ON(loongarch64), "4@[$r3, 16]", 24, 0, MEMORY - 16, 0, 0xf3f2f1f0},
    };
    struct machine machine;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t seen;

        start(&machine, cases[i].kernel, cases[i].program);
        set_register(&machine, cases[i].base, cases[i].base_value);
        if (cases[i].index)
            set_register(&machine, cases[i].index, cases[i].index_value);
        trace(&machine, read_operand(&machine, VALUE_INTEGER, cases[i].operand), NULL);
        assert_int_equal(machine.record_size, VALUE + sizeof(uint64_t));
        seen = get_number(&machine, machine.record + VALUE, 8);
        if (seen != cases[i].value || get_number(&machine, machine.record + UNREADABLE, 4) != 0)
            fail_msg("%s: %s gives %#llx", cases[i].program->name, cases[i].operand,
                     (unsigned long long)seen);
    }
}

/* All the rows of the table of contexts: a string, filtered by 4, 2 and 1 bytes of it. */
static void reads_and_compares_strings_on_every_cpu(void **state)
{
    static const struct {
        const struct rst_arch *kernel, *program;
        const char *operand;
        uint16_t base;
    } cases[] = {
        {ON(x86_64), "8@%rdi", 112},    {ON_X86_64, "4@%edi", 112}, {ON(i386), "4@%edi", 16},
        {ON(aarch64), "8@x0", 0},       {ON_AARCH64, "4@r0", 0},    {ON(arm), "4@r0", 0},
        {ON(riscv64), "8@a0", 80},      {ON(ppc64le), "8@3", 24},   {ON(s390x), "8@%r2", 40},
        {ON(loongarch64), "8@$r4", 32},
    };
    static const char *const texts[] = {"seven77", "seven78", "Seven77", "sevenx7", "seven777", ""};
    struct machine machine;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
            char wanted[] = "seven77";
            struct condition condition = {
                .kind = CONDITION_TEXT, .text = wanted, .text_size = strlen(wanted)};
            size_t size = strlen(texts[j]) + 1;

            start(&machine, cases[i].kernel, cases[i].program);
            set_register(&machine, cases[i].base, MEMORY + 3);
            memcpy(machine.memory + 3, texts[j], size);
            trace(&machine, read_operand(&machine, VALUE_STRING, cases[i].operand), &condition);
            if ((machine.record_size > 0) != (j == 0))
                fail_msg("%s: %s is shown: %d", cases[i].program->name, texts[j], j != 0);
            if (j > 0)
                continue;
            assert_int_equal(get_number(&machine, machine.record + VALUE, 8), MEMORY + 3);
            assert_int_equal(get_number(&machine, machine.record + VALUE + 8, 4), size);
            assert_string_equal(machine.record + VALUE + 12, texts[j]);
        }
}

/* A symbol's address counts from the site, which each kernel has elsewhere; null reads the site. */
static void finds_the_site_on_every_kernel(void **state)
{
    static const struct {
        const struct rst_arch *kernel, *program;
        uint16_t site;
    } cases[] = {
        {ON(x86_64), 128}, {ON_X86_64, 128},       {ON(i386), 48},   {ON(aarch64), 256},
        {ON_AARCH64, 256}, {ON(arm), 60},          {ON(riscv64), 0}, {ON(ppc64le), 256},
        {ON(s390x), 16},   {ON(loongarch64), 264},
    };
    struct machine machine;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct plan_value value = value_in_memory(VALUE_INTEGER, 1, false, LOCATION_NO_REGISTER, 8);

        value.location.relative = true;
        start(&machine, cases[i].kernel, cases[i].program);
        set_register(&machine, cases[i].site, MEMORY + 2);
        trace(&machine, value, NULL);
        assert_int_equal(get_number(&machine, machine.record + VALUE, 8), 0xf0 + 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values_of_every_cpu),
        cmocka_unit_test(reads_and_compares_strings_on_every_cpu),
        cmocka_unit_test(finds_the_site_on_every_kernel),
    };

    return cmocka_run_group_tests_name("bpf_cpus", tests, NULL, NULL);
}
