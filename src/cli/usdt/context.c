/* SPDX-License-Identifier: MIT */
#include "cli/usdt/context.h"

#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/utsname.h>

/* ----------------------------------------------------------------------------- operands -- */

static const struct operand_forms x86_forms = {"%R", "$N",
                                               "N;N(P);n(%B);n(%B,%I);n(%B,%I,S);n(,%I);n(,%I,S)"};
/* arm writes # before numbers, aarch64 mostly does not. */
static const struct operand_forms arm_forms = {
    "R", "D;#D", "[B];[B, D];[B, #D];[B, I];[B, I, lsl L];[B, I, lsl #L]"};
static const struct operand_forms riscv_forms = {"R", "D", "D(B)"};
static const struct operand_forms ppc_forms = {"R", "iD", "D(B);B,I"};
static const struct operand_forms s390_forms = {"%R", "D", "D(%B);D(%I,%B)"};
static const struct operand_forms loongarch_forms = {"$R", "D", "[$B, D];$B, D;$B, $I"};

/* ---------------------------------------------------------------------------- registers -- */

static const struct register_names x86_64_names[] = {
    {"rax", "eax ax al", "ah", "ax", 0, 0, 0},       {"rcx", "ecx cx cl", "ch", "cx", 0, 0, 1},
    {"rdx", "edx dx dl", "dh", "dx", 0, 0, 2},       {"rbx", "ebx bx bl", "bh", "bx", 0, 0, 3},
    {"rsp", "esp sp spl", NULL, "sp", 0, 0, 4},      {"rbp", "ebp bp bpl", NULL, "bp", 0, 0, 5},
    {"rsi", "esi si sil", NULL, "si", 0, 0, 6},      {"rdi", "edi di dil", NULL, "di", 0, 0, 7},
    {"r#", "r#d r#w r#b r#l", NULL, NULL, 8, 15, 8}, {0},
};

static const struct register_names i386_names[] = {
    {"eax", "ax al", "ah", "ax", 0, 0, 0},
    {"ecx", "cx cl", "ch", "cx", 0, 0, 1},
    {"edx", "dx dl", "dh", "dx", 0, 0, 2},
    {"ebx", "bx bl", "bh", "bx", 0, 0, 3},
    {"esp", "sp", NULL, "sp", 0, 0, 4},
    {"ebp", "bp", NULL, "bp", 0, 0, 5},
    {"esi", "si", NULL, "si", 0, 0, 6},
    {"edi", "di", NULL, "di", 0, 0, 7},
    {0},
};

static const struct register_names arm_names[] = {
    {"r#", NULL, NULL, NULL, 0, 10, 0},     {"fp r11", NULL, NULL, NULL, 0, 0, 11},
    {"ip r12", NULL, NULL, NULL, 0, 0, 12}, {"sp r13", NULL, NULL, NULL, 0, 0, 13},
    {"lr r14", NULL, NULL, NULL, 0, 0, 14}, {0},
};

static const struct register_names aarch64_names[] = {
    {"x#", "w#", NULL, NULL, 0, 30, 0},
    {"sp", NULL, NULL, NULL, 0, 0, 31},
    {0},
};

static const struct register_names riscv_names[] = {
    {"ra", NULL, NULL, NULL, 0, 0, 1},   {"sp", NULL, NULL, NULL, 0, 0, 2},
    {"gp", NULL, NULL, NULL, 0, 0, 3},   {"tp", NULL, NULL, NULL, 0, 0, 4},
    {"t#", NULL, NULL, NULL, 0, 2, 5},   {"s#", NULL, NULL, NULL, 0, 1, 8},
    {"fp", NULL, NULL, NULL, 0, 0, 8},   {"a#", NULL, NULL, NULL, 0, 7, 10},
    {"s#", NULL, NULL, NULL, 2, 11, 18}, {"t#", NULL, NULL, NULL, 3, 6, 28},
    {"x#", NULL, NULL, NULL, 1, 31, 1},  {0},
};

/* As a base or an index, 0 is no register, but nothing. */
static const struct register_names ppc_names[] = {
    {"# %r#", NULL, NULL, "gpr#", 1, 31, 1},
    {NULL, "0 %r0", NULL, "gpr0", 0, 0, 0},
    {0},
};

static const struct register_names s390_names[] = {
    {"r#", NULL, NULL, NULL, 1, 15, 1},
    {NULL, "r0", NULL, "r0", 0, 0, 0},
    {0},
};

static const struct register_names loongarch_names[] = {
    {"r#", NULL, NULL, NULL, 1, 31, 1},
    {"ra", NULL, NULL, NULL, 0, 0, 1},
    {"tp", NULL, NULL, NULL, 0, 0, 2},
    {"sp", NULL, NULL, NULL, 0, 0, 3},
    {"a#", NULL, NULL, NULL, 0, 7, 4},
    {"t#", NULL, NULL, NULL, 0, 8, 12},
    {"fp s9", NULL, NULL, NULL, 0, 0, 22},
    {"s#", NULL, NULL, NULL, 0, 8, 23},
    {0},
};

/* In the order of their numbers: ax, cx, dx, bx, sp, bp, si, di, and r8 to r15. */
static const uint16_t x86_64_offsets[] = {80, 88, 96, 40, 152, 32, 104, 112,
                                          72, 64, 56, 48, 24,  16, 8,   0};
static const uint16_t i386_offsets[] = {24, 4, 8, 0, 60, 20, 12, 16};

/* ----------------------------------------------------------------------------- contexts -- */

static const struct context contexts[] = {
    {&rst_arch_x86_64, &rst_arch_x86_64, x86_64_names, &x86_forms, x86_64_offsets, 0, 128},
    {&rst_arch_x86_64, &rst_arch_i386, i386_names, &x86_forms, x86_64_offsets, 0, 128},
    {&rst_arch_i386, &rst_arch_i386, i386_names, &x86_forms, i386_offsets, 0, 48},
    {&rst_arch_aarch64, &rst_arch_aarch64, aarch64_names, &arm_forms, NULL, 0, 256},
    {&rst_arch_aarch64, &rst_arch_arm, arm_names, &arm_forms, NULL, 0, 256},
    {&rst_arch_arm, &rst_arch_arm, arm_names, &arm_forms, NULL, 0, 60},
    {&rst_arch_riscv64, &rst_arch_riscv64, riscv_names, &riscv_forms, NULL, 0, 0},
    {&rst_arch_ppc64le, &rst_arch_ppc64le, ppc_names, &ppc_forms, NULL, 0, 256},
    {&rst_arch_s390x, &rst_arch_s390x, s390_names, &s390_forms, NULL, 24, 16},
    {&rst_arch_loongarch64, &rst_arch_loongarch64, loongarch_names, &loongarch_forms, NULL, 0, 264},
};

const struct context *context_find(const struct rst_arch *kernel, const struct rst_arch *program)
{
    for (size_t i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++)
        if (contexts[i].kernel == kernel && contexts[i].program == program)
            return &contexts[i];
    return NULL;
}

/* A process may ask for the name of a 32-bit CPU (setarch), so the name is not all there is. */
const struct rst_arch *context_kernel(void)
{
    const struct rst_arch *own = rst_arch_native(), *wide = NULL;
    struct utsname name = {0};

    if (own == &rst_arch_i386)
        wide = &rst_arch_x86_64;
    else if (own == &rst_arch_arm)
        wide = &rst_arch_aarch64;
    uname(&name);
    if (wide && (strcmp(name.machine, wide->name) == 0 ||
                 (personality(0xffffffff) & PER_MASK) == PER_LINUX32))
        return wide;
    return own;
}

uint16_t context_offset(const struct context *context, uint8_t number)
{
    unsigned size = context->kernel->is_64_bit ? 8 : 4;

    return context->offsets ? context->offsets[number] : (uint16_t)(context->first + size * number);
}

struct tracefs_name context_tracefs_name(const struct context *context, uint16_t offset)
{
    /* The kernel has its own names, also where the program is of another CPU. */
    const struct context *own = context_find(context->kernel, context->kernel);
    struct tracefs_name name = {""};

    for (const struct register_names *row = own->names; row->whole || row->part; row++)
        for (unsigned i = 0; i <= (unsigned)(row->last - row->first); i++) {
            const char *text = row->tracefs ? row->tracefs : row->whole ? row->whole : "";
            int length = (int)strcspn(text, " #");

            if (context_offset(own, (uint8_t)(row->number + i)) != offset)
                continue;
            snprintf(name.text, sizeof(name.text), text[length] == '#' ? "%.*s%u" : "%.*s", length,
                     text, row->first + i);
            return name;
        }
    return name;
}
