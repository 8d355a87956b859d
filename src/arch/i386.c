/* SPDX-License-Identifier: MIT */
/*
 * i386, System V ABI: every argument is on the stack, where a uint64_t has 8 bytes.
 *
 * The stub, and its canonical frame address (CFA):
 *
 *     endbr32             CFA = esp + 4
 *     push %ebp           CFA = esp + 8, ebp saved at CFA - 8
 *     mov  %esp,%ebp      CFA = ebp + 8
 *     nop                 <- the site: argument 1 is at 8(%ebp), 2 at 16(%ebp), ...
 *     pop  %ebp           CFA = esp + 4, ebp restored
 *     ret
 */
#include <elf.h>

#include "arch/arch.h"
#include "arch/encoding.h"

#if defined(__i386__)
#define IS_NATIVE true
#else
#define IS_NATIVE false
#endif

/* DWARF's register numbers (System V ABI, Intel386 supplement, figure 2.14). */
#define ESP 4
#define EBP 5
#define RA 8

#define SITE 7

static const uint8_t nop[] = {
    0xf3, 0x0f, 0x1e, 0xfb, /* endbr32 */
    0x55,                   /* push */
    0x89, 0xe5,             /* mov */
    0x90,                   /* nop */
    0x5d,                   /* pop */
    0xc3,                   /* ret */
};

/* The stubs begin with endbr32 (IBT) and do not change the return address (SHSTK). */
static const uint8_t property[] = {
    RST_WORD(0xc0000002), /* GNU_PROPERTY_X86_FEATURE_1_AND */
    RST_WORD(4),          /* size of the data */
    RST_WORD(1 | 2),      /* IBT, SHSTK */
};

static const uint8_t filler[] = {0xcc};

/* int3 */
static const uint8_t watchers[] = {0xcc};

static const uint8_t entry_unwind[] = {
    DW_CFA_def_cfa, ESP, 4, DW_CFA_offset(RA), 1,
};

/* clang-format off */
static const uint8_t nop_unwind[] = {
    DW_CFA_advance_loc(5),             /* endbr32, push */
    DW_CFA_remember_state,
    DW_CFA_def_cfa_offset, 8,
    DW_CFA_offset(EBP), 2,
    DW_CFA_advance_loc(2),             /* mov */
    DW_CFA_def_cfa_register, EBP,
    DW_CFA_advance_loc(2),             /* nop, pop */
    DW_CFA_restore_state,
};
/* clang-format on */

const struct rst_arch rst_arch_i386 = {
    .name = "i386",
    .is_native = IS_NATIVE,
    .is_64_bit = false,
    .machine = EM_386,
    .page = 0x1000,
    .hash_word_size = 4,
    .filler = filler,
    .filler_size = sizeof(filler),
    .watchers = watchers,
    .watcher_count = sizeof(watchers),
    .code_align = 1,
    .data_align = -4,
    .return_register = RA,
    .unwind = entry_unwind,
    .unwind_size = sizeof(entry_unwind),
    .property = property,
    .property_size = sizeof(property),
    .stubs =
        {
            [RST_NOP1] = {.code = nop,
                          .size = sizeof(nop),
                          .stride = 16,
                          .site = SITE,
                          .ret = sizeof(nop) - 1,
                          .unwind = nop_unwind,
                          .unwind_size = sizeof(nop_unwind)},
        },
    .operands =
        {
            .first_on_stack = 8,
            .before = "",
            .after = "(%ebp)",
        },
};
