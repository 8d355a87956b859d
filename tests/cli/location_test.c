/* SPDX-License-Identifier: MIT */
/*
 * Where operands of x86_64 are: registers, memory, constants; symbols of this very program, whose
 * addresses the dynamic linker knows, too.
 */
#include <elf.h>
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

#include "cli/usdt/elf_file.h"
#include "cli/usdt/operand.h"

int main(void);
long location_test_table[4] = {1, 2, 3, 4};
int location_test_zeros[4];
__thread int location_test_own = 1;

#define NONE LOCATION_NO_REGISTER
#define AT(name) offsetof(struct user_regs_struct, name) /* the kernel's struct pt_regs, too */

static struct usdt_symbols *symbols;
static uint64_t site; /* the offset of main() */

static struct location read_text(uint16_t machine, const char *text)
{
    const char *at = text;
    struct operand operand;

    assert_true(operand_next(&at, machine, &operand));
    return location_of(machine, &operand, site, symbols);
}

static void check(const char *text, struct location want)
{
    struct location seen = read_text(EM_X86_64, text);

    if (seen.kind != want.kind || seen.base != want.base || seen.index != want.index ||
        seen.scale != want.scale || seen.shift != want.shift || seen.relative != want.relative ||
        seen.number != want.number)
        fail_msg("%s: kind %d, base %d, index %d, scale %d, shift %d, relative %d, number %lld",
                 text, seen.kind, seen.base, seen.index, seen.scale, seen.shift, seen.relative,
                 (long long)seen.number);
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
        check(unreadable[i], (struct location){.base = NONE, .index = NONE, .scale = 1});
    assert_int_equal(read_text(EM_AARCH64, "8@x0").kind, LOCATION_NONE);
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
    };

    return cmocka_run_group_tests(tests, read_itself, free_symbols);
}
