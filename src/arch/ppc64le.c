/* SPDX-License-Identifier: MIT */
/*
 * ppc64le, ELFv2 ABI: eight integer arguments in registers, the rest in the caller's parameter save
 * area, which has room for those eight, too.
 *
 * The stub, and its canonical frame address (CFA). It needs no TOC, so it has one entry point:
 *
 *     mflr r0             CFA = r1
 *     std  r0,16(r1)      lr saved at CFA + 16
 *     stdu r1,-32(r1)     CFA = r1 + 32; the back chain is the frame pointer
 *     nop                 <- the site: argument 9 is at 128(1), 10 at 136(1), ...
 *     addi r1,r1,32       CFA = r1
 *     ld   r0,16(r1)
 *     mtlr r0             lr restored
 *     blr
 */
#include <elf.h>

#include "arch/arch.h"
#include "arch/encoding.h"

#if defined(__powerpc64__) && defined(__LITTLE_ENDIAN__) && _CALL_ELF == 2
#define IS_NATIVE true
#else
#define IS_NATIVE false
#endif

/* DWARF's register numbers (64-Bit ELF V2 ABI, 2.4). */
#define R1 1
#define LR 65

#define SITE 12

static const uint8_t nop[] = {
    RST_WORD(0x7c0802a6), /* mflr */
    RST_WORD(0xf8010010), /* std */
    RST_WORD(0xf821ffe1), /* stdu */
    RST_WORD(0x60000000), /* nop */
    RST_WORD(0x38210020), /* addi */
    RST_WORD(0xe8010010), /* ld */
    RST_WORD(0x7c0803a6), /* mtlr */
    RST_WORD(0x4e800020), /* blr */
};

static const uint8_t filler[] = {RST_WORD(0x7fe00008) /* trap */};

/* The kernel's trap, and a debugger's twge r2,r2. */
static const uint8_t watchers[] = {0x08};

static const uint8_t entry_unwind[] = {
    DW_CFA_def_cfa,
    R1,
    0,
};

/* clang-format off */
static const uint8_t nop_unwind[] = {
    DW_CFA_advance_loc(2),             /* mflr, std */
    DW_CFA_remember_state,
    DW_CFA_offset_extended_sf, LR, 0x7e, /* -2 */
    DW_CFA_advance_loc(1),             /* stdu */
    DW_CFA_def_cfa_offset, 32,
    DW_CFA_advance_loc(2),             /* nop, addi */
    DW_CFA_def_cfa_offset, 0,
    DW_CFA_advance_loc(2),             /* ld, mtlr */
    DW_CFA_restore_state,
};
/* clang-format on */

const struct rst_arch rst_arch_ppc64le = {
    .name = "ppc64le",
    .is_native = IS_NATIVE,
    .is_64_bit = true,
    .machine = EM_PPC64,
    .flags = 2, /* ELFv2 */
    .page = 0x10000,
    .hash_word_size = 4,
    .filler = filler,
    .filler_size = sizeof(filler),
    .watchers = watchers,
    .watcher_count = sizeof(watchers),
    .code_align = 4,
    .data_align = -8,
    .return_register = LR,
    .unwind = entry_unwind,
    .unwind_size = sizeof(entry_unwind),
    .stubs =
        {
            [RST_NOP1] = {.code = nop,
                          .size = sizeof(nop),
                          .stride = 32,
                          .site = SITE,
                          .ret = sizeof(nop) - 4,
                          .unwind = nop_unwind,
                          .unwind_size = sizeof(nop_unwind)},
        },
    .operands =
        {
            .registers = {"3", "4", "5", "6", "7", "8", "9", "10"},
            .first_on_stack = 128,
            .before = "",
            .after = "(1)",
        },
};
