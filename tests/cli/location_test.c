/* SPDX-License-Identifier: MIT */
/*
 * Where operands are: registers, memory, constants. Of x86_64 all; symbols of this very program,
 * whose addresses the dynamic linker knows, too. Of every other CPU each form that its compilers
 * write, and each register that is not one in a row.
 */
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/usdt/context.h"
#include "cli/usdt/elf_file.h"
#include "cli/usdt/location.h"
#include "cli/usdt/operand.h"

int main(void);
long location_test_table[4] = {1, 2, 3, 4};
int location_test_zeros[4];
__thread int location_test_own = 1;

#define NONE LOCATION_NO_REGISTER
#define AT(name) offsetof(struct x86_64_registers, name)

/* The kernel's struct pt_regs on x86_64. */
struct x86_64_registers {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip;
    uint64_t cs, eflags, rsp, ss;
};

#ifdef __x86_64__ /* as ptrace(2) gives them, too */
_Static_assert(AT(rax) == offsetof(struct user_regs_struct, rax), "rax");
_Static_assert(AT(rdi) == offsetof(struct user_regs_struct, rdi), "rdi");
_Static_assert(AT(rsp) == offsetof(struct user_regs_struct, rsp), "rsp");
#endif

static const struct location nowhere = {.base = NONE, .index = NONE, .scale = 1};
static struct usdt_symbols *symbols;
static uint64_t site; /* the offset of main() */

static void check_on(const struct rst_arch *kernel, const struct rst_arch *program,
                     const char *text, struct location want)
{
    const char *at = text;
    struct operand operand;
    struct location seen;

    assert_true(operand_next(&at, program->machine, &operand));
    assert_int_equal(*at, '\0');
    seen = location_of(context_find(kernel, program), &operand, site, symbols);
    if (seen.kind != want.kind || seen.base != want.base || seen.index != want.index ||
        seen.scale != want.scale || seen.shift != want.shift || seen.relative != want.relative ||
        seen.number != want.number)
        fail_msg("%s: %s: kind %d, base %d, index %d, scale %d, shift %d, relative %d, number %lld",
                 program->name, text, seen.kind, seen.base, seen.index, seen.scale, seen.shift,
                 seen.relative, (long long)seen.number);
}

static void check(const char *text, struct location want)
{
    check_on(&rst_arch_x86_64, &rst_arch_x86_64, text, want);
}

static struct location in_register(size_t offset, uint8_t shift)
{
    return (struct location){LOCATION_REGISTER, (uint16_t)offset, NONE, 1, shift, false, 0};
}

static struct location in_memory(size_t base, size_t index, uint8_t scale, int64_t number)
{
    return (struct location){LOCATION_MEMORY, (uint16_t)base, (uint16_t)index, scale, 0,
                             false,           number};
}

static struct location constant(int64_t number)
{
    return (struct location){LOCATION_CONSTANT, NONE, NONE, 1, 0, false, number};
}

static struct location relative(struct location location, const void *symbol, int64_t number)
{
    location.relative = true;
    location.number = (int64_t)((uintptr_t)symbol - (uintptr_t)&main) + number;
    return location;
}

static void finds_every_register(void **state)
{
    static const struct {
        const char *text;
        size_t offset;
        uint8_t shift;
    } cases[] = {
        {"8@%rax", AT(rax), 0},  {"-4@%ebx", AT(rbx), 0},  {"2@%cx", AT(rcx), 0},
        {"1@%dl", AT(rdx), 0},   {"-1@%sil", AT(rsi), 0},  {"8@%rdi", AT(rdi), 0},
        {"1@%bpl", AT(rbp), 0},  {"8@%rsp", AT(rsp), 0},   {"8@%r8", AT(r8), 0},
        {"-4@%r9d", AT(r9), 0},  {"-2@%r10w", AT(r10), 0}, {"1@%r11b", AT(r11), 0},
        {"1@%r12l", AT(r12), 0}, {"8@%r13", AT(r13), 0},   {"8f@%r14", AT(r14), 0},
        {"8@%r15", AT(r15), 0},  {"1@%ah", AT(rax), 8},    {"-1@%bh", AT(rbx), 8},
        {"1@%ch", AT(rcx), 8},   {"1@%dh", AT(rdx), 8},    {"%rax", AT(rax), 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(cases[i].text, in_register(cases[i].offset, cases[i].shift));
}

static void finds_memory_and_constants(void **state)
{
    (void)state;
    check("8@(%rax)", in_memory(AT(rax), NONE, 1, 0));
    check("2@-16(%rbp)", in_memory(AT(rbp), NONE, 1, -16));
    check("8f@0x10(%r8)", in_memory(AT(r8), NONE, 1, 16));
    check("8@8(%rax,%rdx,4)", in_memory(AT(rax), AT(rdx), 4, 8));
    check("8@8+8(%rax,%r15)", in_memory(AT(rax), AT(r15), 1, 16));
    check("-8@-64(,%rdi,8)", in_memory(NONE, AT(rdi), 8, -64));
    check("4@4096", in_memory(NONE, NONE, 1, 4096));
    check("-4@$-5", constant(-5));
    check("8@$18446744073709551615", constant(-1));
    check("-8@$-9223372036854775808", constant(INT64_MIN));
    check("4@$0xff", constant(255));
}

static void finds_symbols(void **state)
{
    struct location memory = in_memory(NONE, NONE, 1, 0);

    (void)state;
    check("8@location_test_table(%rip)", relative(memory, location_test_table, 0));
    check("8@location_test_table+8(%rip)", relative(memory, location_test_table, 8));
    check("8@-8+location_test_table(%rip)", relative(memory, location_test_table, -8));
    check("8@location_test_table", relative(memory, location_test_table, 0));
    check("-4@location_test_zeros+4", relative(memory, location_test_zeros, 4));
    check("-8@location_test_table(,%rdi,8)",
          relative(in_memory(NONE, AT(rdi), 8, 0), location_test_table, 0));
    check("8@location_test_table-8(%rax)",
          relative(in_memory(AT(rax), NONE, 1, 0), location_test_table, -8));
    check("8@$location_test_table", relative(constant(0), location_test_table, 0));
    check("8@$location_test_table+16", relative(constant(0), location_test_table, 16));
}

static void does_not_guess(void **state)
{
    static const char *const unreadable[] = {
        "8@%xmm0",
        "16@%xmm1",
        "8f@%xmm0",
        "3@%rax",
        "12@(%rax)",
        "16@%rax",
        "24@8(%rsp)",
        "99999999999@%rax",
        "2@%ah",
        "8@%rip",
        "8@%r7",
        "8@%r16",
        "8@%r8x",
        "8@%st(1)",
        "8@",
        "8@%",
        "8@$",
        "8@$x",
        "8@16(%rip)",
        "8@(%eax)",
        "8@(%rax,%rdx,3)",
        "8@(%rax,%rdx,16)",
        "8@(%rax,%rdx,)",
        "8@(%rax,)",
        "8@(%rax",
        "8@(%rax)8",
        "8@()",
        "8@+8(%rax)",
        "8@8+(%rax)",
        "8@8-(%rax)",
        "8@18446744073709551616(%rax)",
        "8@%fs:location_test_own@tpoff",
        "8@%fs:40",
        "8@location_test_own(%rip)",
        "8@location_test_no_such(%rip)",
        "8@location_test_tabl(%rip)",
        "8@location_test_table@GOTPCREL(%rip)",
        "8@location_test_table+location_test_zeros(%rip)",
        "8@-location_test_table(%rip)",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(unreadable) / sizeof(unreadable[0]); i++)
        check(unreadable[i], nowhere);
}

/* --------------------------------------------------------------------------- other CPUs -- */

#define ON(cpu) &rst_arch_##cpu, &rst_arch_##cpu
#define ON_X86_64 &rst_arch_x86_64, &rst_arch_i386
#define ON_AARCH64 &rst_arch_aarch64, &rst_arch_arm

/* A register's offset is 8, or 4, times its place, but for x86's, and for s390x's, which begin
 * at 24. */
static void finds_the_operands_of_every_cpu(void **state)
{
    static const struct {
        const struct rst_arch *kernel, *program;
        const char *text;
        enum location_kind kind;
        uint16_t base, index;
        uint8_t scale, shift;
        int64_t number;
    } cases[] = {
        {ON(aarch64), "8@x0", LOCATION_REGISTER, 0, NONE, 1, 0, 0},
        {ON(aarch64), "-1@x30", LOCATION_REGISTER, 240, NONE, 1, 0, 0},
        {ON(aarch64), "4@w29", LOCATION_REGISTER, 232, NONE, 1, 0, 0},
        {ON(aarch64), "8@sp", LOCATION_REGISTER, 248, NONE, 1, 0, 0},
        {ON(aarch64), "8f@x8", LOCATION_REGISTER, 64, NONE, 1, 0, 0},
        {ON(aarch64), "-4@-5", LOCATION_CONSTANT, NONE, NONE, 1, 0, -5},
        {ON(aarch64), "8@[sp, 16]", LOCATION_MEMORY, 248, NONE, 1, 0, 16},
        {ON(aarch64), "-2@[x29, -28]", LOCATION_MEMORY, 232, NONE, 1, 0, -28},
        {ON(aarch64), "8@[sp,#16]", LOCATION_MEMORY, 248, NONE, 1, 0, 16},
        {ON(aarch64), "8@[x2]", LOCATION_MEMORY, 16, NONE, 1, 0, 0},
        {ON(aarch64), "1@[x3, x5]", LOCATION_MEMORY, 24, 40, 1, 0, 0},
        {ON(aarch64), "8@[x3, x5, lsl 3]", LOCATION_MEMORY, 24, 40, 8, 0, 0},
        {ON(arm), "4@r0", LOCATION_REGISTER, 0, NONE, 1, 0, 0},
        {ON(arm), "-4@r10", LOCATION_REGISTER, 40, NONE, 1, 0, 0},
        {ON(arm), "-2@ip", LOCATION_REGISTER, 48, NONE, 1, 0, 0},
        {ON(arm), "4f@lr", LOCATION_REGISTER, 56, NONE, 1, 0, 0},
        {ON(arm), "-4@#-5", LOCATION_CONSTANT, NONE, NONE, 1, 0, -5},
        {ON(arm), "8@#81985529216486896", LOCATION_CONSTANT, NONE, NONE, 1, 0, 81985529216486896},
        {ON(arm), "8f@[fp, #-28]", LOCATION_MEMORY, 44, NONE, 1, 0, -28},
        {ON(arm), "4@[r0]", LOCATION_MEMORY, 0, NONE, 1, 0, 0},
        {ON(arm), "-4@[r5, r2, lsl #2]", LOCATION_MEMORY, 20, 8, 4, 0, 0},
        {ON_AARCH64, "-4@[sp, #16]", LOCATION_MEMORY, 104, NONE, 1, 0, 16},
        {ON_AARCH64, "1@[r4, r11]", LOCATION_MEMORY, 32, 88, 1, 0, 0},
        {ON(i386), "-4@%eax", LOCATION_REGISTER, 24, NONE, 1, 0, 0},
        {ON(i386), "-1@%ah", LOCATION_REGISTER, 24, NONE, 1, 8, 0},
        {ON(i386), "8@8(%ebp)", LOCATION_MEMORY, 20, NONE, 1, 0, 8},
        {ON(i386), "4@4(%esp)", LOCATION_MEMORY, 60, NONE, 1, 0, 4},
        {ON_X86_64, "-4@%eax", LOCATION_REGISTER, AT(rax), NONE, 1, 0, 0},
        {ON_X86_64, "2@%bx", LOCATION_REGISTER, AT(rbx), NONE, 1, 0, 0},
        {ON_X86_64, "-1@%edi", LOCATION_REGISTER, AT(rdi), NONE, 1, 0, 0},
        {ON_X86_64, "4@$-5", LOCATION_CONSTANT, NONE, NONE, 1, 0, -5},
        {ON_X86_64, "-4@(%edi,%ecx,4)", LOCATION_MEMORY, AT(rdi), AT(rcx), 4, 0, 0},
        {ON_X86_64, "8f@-104(%ebp)", LOCATION_MEMORY, AT(rbp), NONE, 1, 0, -104},
        {ON(riscv64), "8@a0", LOCATION_REGISTER, 80, NONE, 1, 0, 0},
        {ON(riscv64), "4@ra", LOCATION_REGISTER, 8, NONE, 1, 0, 0},
        {ON(riscv64), "-4@t2", LOCATION_REGISTER, 56, NONE, 1, 0, 0},
        {ON(riscv64), "-4@t3", LOCATION_REGISTER, 224, NONE, 1, 0, 0},
        {ON(riscv64), "-4@s1", LOCATION_REGISTER, 72, NONE, 1, 0, 0},
        {ON(riscv64), "8@s11", LOCATION_REGISTER, 216, NONE, 1, 0, 0},
        {ON(riscv64), "-8@-3", LOCATION_CONSTANT, NONE, NONE, 1, 0, -3},
        {ON(riscv64), "1@-17(s0)", LOCATION_MEMORY, 64, NONE, 1, 0, -17},
        {ON(riscv64), "8@16(sp)", LOCATION_MEMORY, 16, NONE, 1, 0, 16},
        {ON(ppc64le), "8@3", LOCATION_REGISTER, 24, NONE, 1, 0, 0},
        {ON(ppc64le), "-1@0", LOCATION_REGISTER, 0, NONE, 1, 0, 0},
        {ON(ppc64le), "-4@%r31", LOCATION_REGISTER, 248, NONE, 1, 0, 0},
        {ON(ppc64le), "-4@i-5", LOCATION_CONSTANT, NONE, NONE, 1, 0, -5},
        {ON(ppc64le), "8@128(1)", LOCATION_MEMORY, 8, NONE, 1, 0, 128},
        {ON(ppc64le), "8@-8(%r9)", LOCATION_MEMORY, 72, NONE, 1, 0, -8},
        {ON(ppc64le), "1@8,4", LOCATION_MEMORY, 64, 32, 1, 0, 0},
        {ON(s390x), "8@%r2", LOCATION_REGISTER, 40, NONE, 1, 0, 0},
        {ON(s390x), "-2@%r0", LOCATION_REGISTER, 24, NONE, 1, 0, 0},
        {ON(s390x), "-4@-5", LOCATION_CONSTANT, NONE, NONE, 1, 0, -5},
        {ON(s390x), "4@340(%r15)", LOCATION_MEMORY, 144, NONE, 1, 0, 340},
        {ON(s390x), "-4@4(%r3,%r11)", LOCATION_MEMORY, 112, 48, 1, 0, 4},
        {ON(loongarch64), "8@$r4", LOCATION_REGISTER, 32, NONE, 1, 0, 0},
        {ON(loongarch64), "8@$a7", LOCATION_REGISTER, 88, NONE, 1, 0, 0},
        {ON(loongarch64), "-4@$t8", LOCATION_REGISTER, 160, NONE, 1, 0, 0},
        {ON(loongarch64), "-4@$fp", LOCATION_REGISTER, 176, NONE, 1, 0, 0},
        {ON(loongarch64), "-4@-5", LOCATION_CONSTANT, NONE, NONE, 1, 0, -5},
        {ON(loongarch64), "8@[$r3, 16]", LOCATION_MEMORY, 24, NONE, 1, 0, 16},
        {ON(loongarch64), "-4@$r22,-20", LOCATION_MEMORY, 176, NONE, 1, 0, -20},
        {ON(loongarch64), "-4@$r12,$r13", LOCATION_MEMORY, 96, 104, 1, 0, 0},
        {ON(loongarch64), "-4@$fp, -20", LOCATION_MEMORY, 176, NONE, 1, 0, -20},
        {ON(loongarch64), "-4@$a0, $a1", LOCATION_MEMORY, 32, 40, 1, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_on(cases[i].kernel, cases[i].program, cases[i].text,
                 (struct location){cases[i].kind, cases[i].base, cases[i].index, cases[i].scale,
                                   cases[i].shift, false, cases[i].number});
}

static void does_not_guess_on_any_cpu(void **state)
{
    static const struct {
        const struct rst_arch *kernel, *program;
        const char *text;
    } cases[] = {
        {ON(aarch64), "8@x31"},
        {ON(aarch64), "8@x01"},
        {ON(aarch64), "8@x1x"},
        {ON(aarch64), "8@d0"},
        {ON(aarch64), "8@xzr"},
        {ON(aarch64), "8@[w0, 8]"},
        {ON(aarch64), "-4@[x8, #:lo12:.LANCHOR0]"},
        {ON(aarch64), "8@[x3, w5, sxtw 3]"},
        {ON(aarch64), "8@[x3, x5, lsl 4]"},
        {ON(aarch64), "8@[sp, 16"},
        {ON(aarch64), "8@location_test_table"},
        {ON(arm), "8@r3"}, /* half of it */
        {ON(arm), "8f@#1.5e+0"},
        {ON(arm), "4@pc"},
        {ON(arm), "4@r16"},
        {ON_X86_64, "8@%eax"},
        {ON_X86_64, "4@%rax"},
        {ON_X86_64, "1@%sil"},
        {ON_X86_64, "4@8(%rbp)"},
        {ON_X86_64, "4@%r8d"},
        {ON_X86_64, "-4@own@GOTOFF(%esi)"},
        {ON_X86_64, "-4@%gs:tls@ntpoff"},
        {ON(riscv64), "8@zero"},
        {ON(riscv64), "8@s12"},
        {ON(riscv64), "8@t7"},
        {ON(riscv64), "-4@%tprel_lo(.LANCHOR1)(a4)"},
        {ON(ppc64le), "8@32"},
        {ON(ppc64le), "8@8(0)"}, /* as a base, 0 is not a register */
        {ON(ppc64le), "8@i"},
        {ON(s390x), "8@%r16"},
        {ON(s390x), "8@%f0"},
        {ON(s390x), "8@8(%r0)"},
        {ON(loongarch64), "8@$r32"},
        {ON(loongarch64), "8@r4"},
        {&rst_arch_x86_64, &rst_arch_aarch64, "8@x0"},
        {&rst_arch_aarch64, &rst_arch_i386, "4@%eax"},
        {&rst_arch_i386, &rst_arch_x86_64, "8@%rax"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_on(cases[i].kernel, cases[i].program, cases[i].text, nowhere);
    assert_null(context_find(NULL, NULL));
}

/* tracefs takes these names in its fetch arguments. */
static void names_registers_as_the_kernel_does(void **state)
{
    static const struct {
        const struct rst_arch *kernel, *program;
        uint16_t offset;
        const char *name;
    } cases[] = {
        {ON(x86_64), AT(rdi), "di"},
        {ON(x86_64), AT(r15), "r15"},
        {ON_X86_64, AT(rbp), "bp"},
        {ON(i386), 20, "bp"},
        {ON(aarch64), 56, "x7"},
        {ON(aarch64), 248, "sp"},
        {ON(arm), 44, "fp"},
        {ON(arm), 16, "r4"},
        {ON(riscv64), 144, "s2"},
        {ON(riscv64), 80, "a0"},
        {ON(ppc64le), 24, "gpr3"},
        {ON(ppc64le), 0, "gpr0"},
        {&rst_arch_aarch64, &rst_arch_arm, 0, "x0"},
        {&rst_arch_aarch64, &rst_arch_arm, 104, "x13"},
        {ON(s390x), 40, "r2"},
        {ON(loongarch64), 32, "r4"},
        {ON(x86_64), 999, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(
            context_tracefs_name(context_find(cases[i].kernel, cases[i].program), cases[i].offset)
                .text,
            cases[i].name);
}

/* main()'s offset in the file, by the dynamic linker's own list. */
static int find_main(struct dl_phdr_info *info, size_t size, void *context)
{
    uintptr_t address = (uintptr_t)&main - info->dlpi_addr;

    (void)size;
    (void)context;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];

        if (header->p_type == PT_LOAD && address - header->p_vaddr < header->p_filesz)
            site = address - header->p_vaddr + header->p_offset;
    }
    return 1; /* the first is the program */
}

static int read_itself(void **state)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    (void)state;
    dl_iterate_phdr(find_main, NULL);
    symbols = usdt_symbols_read(fd);
    close(fd);
    return symbols ? 0 : -1;
}

static int free_symbols(void **state)
{
    (void)state;
    usdt_symbols_free(symbols);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_register),
        cmocka_unit_test(finds_memory_and_constants),
        cmocka_unit_test(finds_symbols),
        cmocka_unit_test(does_not_guess),
        cmocka_unit_test(finds_the_operands_of_every_cpu),
        cmocka_unit_test(does_not_guess_on_any_cpu),
        cmocka_unit_test(names_registers_as_the_kernel_does),
    };

    return cmocka_run_group_tests(tests, read_itself, free_symbols);
}
