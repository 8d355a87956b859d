/* SPDX-License-Identifier: MIT */
/*
 * x86_64, System V ABI: six integer arguments in registers, the rest on the stack.
 *
 * The stub, and its canonical frame address (CFA):
 *
 *     endbr64             CFA = rsp + 8
 *     push %rbp           CFA = rsp + 16, rbp saved at CFA - 16
 *     mov  %rsp,%rbp      CFA = rbp + 16
 *     nop                 <- the site: argument 7 is at 16(%rbp), 8 at 24(%rbp), ...
 *     pop  %rbp           CFA = rsp + 8, rbp restored
 *     ret
 *
 * The site never crosses a page, because the kernel rewrites the longer nops in place. The bytes
 * after a one-byte nop must not read as a nop5: libbpf from 1.7 on would attach to that instead.
 */
#include <elf.h>

#include "arch/arch.h"
#include "arch/encoding.h"

#if defined(__x86_64__) && defined(__LP64__)
#define IS_NATIVE true
#else
#define IS_NATIVE false
#endif

/* DWARF's register numbers (System V ABI, AMD64 supplement, figure 3.36). */
#define RBP 6
#define RSP 7
#define RA 16

#define PROLOGUE 0xf3, 0x0f, 0x1e, 0xfa, /* endbr64 */ 0x55, /* push */ 0x48, 0x89, 0xe5 /* mov */
#define EPILOGUE 0x5d, /* pop */ 0xc3                                                    /* ret */
#define SITE 8

static const uint8_t nop1[] = {PROLOGUE, 0x90, EPILOGUE};

/*
 * No nop is where one of another length is: the kernel may keep the uprobe of an image that is gone
 * (when it could not count a tracer out), and use it, with the instruction that was there, for a
 * later image with the same inode. A nop1's would go on inside the nop5, a nop5's past the end of
 * the stub. As the stubs are 16 or 32 bytes apart, a site's offset is another one modulo 16.
 */
static const uint8_t nop5[] = {PROLOGUE, 0x90, 0x0f, 0x1f, 0x44, 0x00, 0x00, EPILOGUE};

/*
 * The kernel turns a nop10 into two instructions: lea -0x80(%rsp),%rsp and, in the place of the
 * operand, a call. When the last tracer leaves, the kernel keeps the call, for a thread that was
 * interrupted between the two instructions. But an unload or a load of librst's restores the
 * operand. The thread then runs the operand as an instruction, so the operand is one that undoes
 * the lea. It is a single instruction, so that no thread can be interrupted inside it either. The
 * kernel accepts any operand (is_optimizable_nop10() in its arch/x86/kernel/uprobes.c).
 */
#define UNDO 0x2e, 0x48, 0x83, 0xec, 0x80 /* cs sub $-0x80,%rsp: a prefix without effect */

static const uint8_t nop10[] = {PROLOGUE, 0x66, 0x90, 0x66, 0x2e, 0x0f, 0x1f, 0x84, UNDO, EPILOGUE};

/*
 * The stubs begin with endbr64 (IBT) and do not change the return address (SHSTK). An image without
 * this note would turn the protection off for the whole process, or the process would refuse it.
 */
static const uint8_t property[] = {
    0x02, 0x00, 0x00, 0xc0, /* GNU_PROPERTY_X86_FEATURE_1_AND */
    0x04, 0x00, 0x00, 0x00, /* size of the data */
    0x03, 0x00, 0x00, 0x00, /* IBT, SHSTK */
    0x00, 0x00, 0x00, 0x00, /* padding to 8 */
};

static const uint8_t filler[] = {0xcc}; /* int3 */

/* int3; the call that replaces a nop5; the lea that replaces the first half of a nop10. */
static const uint8_t watchers[] = {0xcc, 0xe8, 0x48};

static const uint8_t entry_unwind[] = {
    DW_CFA_def_cfa, RSP, 8, DW_CFA_offset(RA), 1,
};

/* clang-format off */
#define UNWIND(nop_size)                                         \
    DW_CFA_advance_loc(5),                  /* endbr64, push */  \
    DW_CFA_remember_state,                                       \
    DW_CFA_def_cfa_offset, 16,                                   \
    DW_CFA_offset(RBP), 2,                                       \
    DW_CFA_advance_loc(3),                  /* mov */            \
    DW_CFA_def_cfa_register, RBP,                                \
    DW_CFA_advance_loc((nop_size) + 1),     /* nop, pop */       \
    DW_CFA_restore_state
/* clang-format on */

static const uint8_t nop1_unwind[] = {UNWIND(1)};
static const uint8_t nop5_unwind[] = {UNWIND(1 + 5)};
static const uint8_t nop10_unwind[] = {UNWIND(2 + 10)};

#define STUB(nop, stub_site, stub_stride)                                                          \
    {                                                                                              \
        .code = nop, .size = sizeof(nop), .stride = (stub_stride), .site = (stub_site),            \
        .ret = sizeof(nop) - 1, .unwind = nop##_unwind, .unwind_size = sizeof(nop##_unwind)        \
    }

const struct rst_arch rst_arch_x86_64 = {
    .name = "x86_64",
    .is_native = IS_NATIVE,
    .is_64_bit = true,
    .machine = EM_X86_64,
    .page = 0x10000,
    .hash_word_size = 4,
    .filler = filler,
    .filler_size = sizeof(filler),
    .watchers = watchers,
    .watcher_count = sizeof(watchers),
    .code_align = 1,
    .data_align = -8,
    .return_register = RA,
    .unwind = entry_unwind,
    .unwind_size = sizeof(entry_unwind),
    .property = property,
    .property_size = sizeof(property),
    .stubs =
        {
            [RST_NOP1] = STUB(nop1, SITE, 16),
            [RST_NOP5] = STUB(nop5, SITE + 1, 16),
            [RST_NOP10] = STUB(nop10, SITE + 2, 32),
        },
    /*
     * Whole registers, whatever the argument's size: gdb and perf have no common name for a part of
     * r8 or r9, and every tracer cuts the value to the size before the "@".
     */
    .operands =
        {
            .registers = {"%rdi", "%rsi", "%rdx", "%rcx", "%r8", "%r9"},
            .first_on_stack = 16,
            .before = "",
            .after = "(%rbp)",
        },
};
