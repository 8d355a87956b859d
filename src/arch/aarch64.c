/* SPDX-License-Identifier: MIT */
/*
 * aarch64, AAPCS64, little-endian: eight integer arguments in registers, the rest on the stack.
 *
 * The stub, and its canonical frame address (CFA):
 *
 *     bti  c                      CFA = sp
 *     stp  x29, x30, [sp, #-16]!  CFA = sp + 16, x29 saved at CFA - 16, x30 at CFA - 8
 *     mov  x29, sp
 *     nop                         <- the site: argument 9 is at [sp, 16], 10 at [sp, 24], ...
 *     ldp  x29, x30, [sp], #16    CFA = sp, x29 and x30 restored
 *     ret
 *
 * Operands name sp and not x29, because perf knows no other base.
 */
#include <elf.h>

#include "arch/arch.h"
#include "arch/encoding.h"

#if defined(__AARCH64EL__) && defined(__LP64__)
#define IS_NATIVE true
#else
#define IS_NATIVE false
#endif

/* DWARF's register numbers (DWARF for the Arm 64-bit Architecture, 4.1). */
#define X29 29
#define X30 30
#define SP 31

#define SITE 12

static const uint8_t nop[] = {
    RST_WORD(0xd503245f), /* bti c */
    RST_WORD(0xa9bf7bfd), /* stp */
    RST_WORD(0x910003fd), /* mov */
    RST_WORD(0xd503201f), /* nop */
    RST_WORD(0xa8c17bfd), /* ldp */
    RST_WORD(0xd65f03c0), /* ret */
};

/*
 * The stubs begin with a landing pad (BTI) and return where they were called from (GCS). An image
 * without this note would turn the protection off for its pages, or the process would refuse it.
 * They do not sign the return address (PAC), which nobody demands of them.
 */
static const uint8_t property[] = {
    RST_WORD(0xc0000000), /* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
    RST_WORD(4),          /* size of the data */
    RST_WORD(1 | 4),      /* BTI, GCS */
    RST_WORD(0),          /* padding to 8 */
};

static const uint8_t filler[] = {RST_WORD(0)};

/* The kernel's brk #5; a debugger's brk #0. */
static const uint8_t watchers[] = {0xa0, 0x00};

static const uint8_t entry_unwind[] = {
    DW_CFA_def_cfa,
    SP,
    0,
};

/* clang-format off */
static const uint8_t nop_unwind[] = {
    DW_CFA_advance_loc(2),             /* bti, stp */
    DW_CFA_remember_state,
    DW_CFA_def_cfa_offset, 16,
    DW_CFA_offset(X29), 2,
    DW_CFA_offset(X30), 1,
    DW_CFA_advance_loc(3),             /* mov, nop, ldp */
    DW_CFA_restore_state,
};
/* clang-format on */

const struct rst_arch rst_arch_aarch64 = {
    .name = "aarch64",
    .is_native = IS_NATIVE,
    .is_64_bit = true,
    .machine = EM_AARCH64,
    .page = 0x10000,
    .hash_word_size = 4,
    .filler = filler,
    .filler_size = sizeof(filler),
    .watchers = watchers,
    .watcher_count = sizeof(watchers),
    .code_align = 4,
    .data_align = -8,
    .return_register = X30,
    .unwind = entry_unwind,
    .unwind_size = sizeof(entry_unwind),
    .property = property,
    .property_size = sizeof(property),
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
            .registers = {"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"},
            .first_on_stack = 16,
            .before = "[sp, ",
            .after = "]",
        },
};
