/* SPDX-License-Identifier: MIT */
/*
 * s390x, ELF ABI, big-endian: five integer arguments in registers, the rest on the stack, behind
 * the 160 bytes in which a function saves registers.
 *
 * The stub, and its canonical frame address (CFA):
 *
 *     stmg %r14,%r15,112(%r15)    CFA = r15 + 160, r14 saved at CFA - 48, r15 at CFA - 40
 *     lgr  %r1,%r15
 *     aghi %r15,-160              CFA = r15 + 320
 *     stg  %r1,0(%r15)            the back chain, which the kernel unwinds by
 *     nop                         <- the site: argument 6 is at 320(%r15), 7 at 328(%r15), ...
 *     lmg  %r14,%r15,272(%r15)    CFA = r15 + 160, r14 and r15 restored
 *     br   %r14
 */
#include <elf.h>

#include "arch/arch.h"
#include "arch/encoding.h"

#if defined(__s390x__)
#define IS_NATIVE true
#else
#define IS_NATIVE false
#endif

/* DWARF's register numbers (ELF ABI, s390x supplement, 1.4). */
#define R14 14
#define R15 15

#define SITE 20

static const uint8_t nop[] = {
    0xeb, 0xef, 0xf0, 0x70, 0x00, 0x24, /* stmg */
    0xb9, 0x04, 0x00, 0x1f,             /* lgr */
    0xa7, 0xfb, 0xff, 0x60,             /* aghi */
    0xe3, 0x10, 0xf0, 0x00, 0x00, 0x24, /* stg */
    0x47, 0x00, 0x00, 0x00,             /* nop */
    0xeb, 0xef, 0xf1, 0x10, 0x00, 0x04, /* lmg */
    0x07, 0xfe,                         /* br */
};

static const uint8_t filler[] = {0, 0 /* no instruction */};

/* The kernel's instruction is 0x0002, a debugger's 0x0001. */
static const uint8_t watchers[] = {0x00};

static const uint8_t entry_unwind[] = {
    DW_CFA_def_cfa,
    R15,
    DW_ULEB2(160),
};

/* clang-format off */
static const uint8_t nop_unwind[] = {
    DW_CFA_advance_loc(6),             /* stmg */
    DW_CFA_remember_state,
    DW_CFA_offset(R14), 6,
    DW_CFA_offset(R15), 5,
    DW_CFA_advance_loc(8),             /* lgr, aghi */
    DW_CFA_def_cfa_offset, DW_ULEB2(320),
    DW_CFA_advance_loc(16),            /* stg, nop, lmg */
    DW_CFA_restore_state,
};
/* clang-format on */

const struct rst_arch rst_arch_s390x = {
    .name = "s390x",
    .is_native = IS_NATIVE,
    .is_64_bit = true,
    .is_big_endian = true,
    .machine = EM_S390,
    .page = 0x1000,
    .hash_word_size = 8,
    .filler = filler,
    .filler_size = sizeof(filler),
    .watchers = watchers,
    .watcher_count = sizeof(watchers),
    .code_align = 1,
    .data_align = -8,
    .return_register = R14,
    .unwind = entry_unwind,
    .unwind_size = sizeof(entry_unwind),
    .stubs =
        {
            [RST_NOP1] = {.code = nop,
                          .size = sizeof(nop),
                          .stride = 32,
                          .site = SITE,
                          .ret = sizeof(nop) - 2,
                          .unwind = nop_unwind,
                          .unwind_size = sizeof(nop_unwind)},
        },
    .operands =
        {
            .registers = {"%r2", "%r3", "%r4", "%r5", "%r6"},
            .first_on_stack = 320,
            .before = "",
            .after = "(%r15)",
        },
};
