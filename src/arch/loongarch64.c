/* SPDX-License-Identifier: MIT */
/*
 * loongarch64, LP64D ABI: eight integer arguments in registers, the rest on the stack.
 *
 * The stub, and its canonical frame address (CFA):
 *
 *     addi.d $sp,$sp,-16      CFA = sp + 16
 *     st.d   $ra,$sp,8        ra saved at CFA - 8
 *     st.d   $fp,$sp,0        fp saved at CFA - 16
 *     addi.d $fp,$sp,16
 *     nop                     <- the site: argument 9 is at [$r3, 16], 10 at [$r3, 24], ...
 *     ld.d   $ra,$sp,8
 *     ld.d   $fp,$sp,0
 *     addi.d $sp,$sp,16       CFA = sp, ra and fp restored
 *     ret
 */
#include <elf.h>

#include "arch/arch.h"
#include "arch/encoding.h"

#if defined(__loongarch_lp64) && defined(__loongarch_double_float)
#define IS_NATIVE true
#else
#define IS_NATIVE false
#endif

/* DWARF's register numbers (LoongArch ELF ABI, "DWARF Register Numbers"). */
#define RA 1
#define SP 3
#define FP 22

#ifndef EM_LOONGARCH /* glibc before 2.36 */
#define EM_LOONGARCH 258
#endif
#define ABI_DOUBLE_FLOAT 0x3 /* EF_LOONGARCH_ABI_DOUBLE_FLOAT */
#define OBJECT_ABI_V1 0x40   /* EF_LOONGARCH_OBJABI_V1 */

#define SITE 16

static const uint8_t nop[] = {
    RST_WORD(0x02ffc063), /* addi.d */
    RST_WORD(0x29c02061), /* st.d */
    RST_WORD(0x29c00076), /* st.d */
    RST_WORD(0x02c04076), /* addi.d */
    RST_WORD(0x03400000), /* nop */
    RST_WORD(0x28c02061), /* ld.d */
    RST_WORD(0x28c00076), /* ld.d */
    RST_WORD(0x02c04063), /* addi.d */
    RST_WORD(0x4c000020), /* ret */
};

static const uint8_t filler[] = {RST_WORD(0x002a0000) /* break 0 */};

/* The kernel's break 12; a debugger's break 5. */
static const uint8_t watchers[] = {0x0c, 0x05};

static const uint8_t entry_unwind[] = {
    DW_CFA_def_cfa,
    SP,
    0,
};

/* clang-format off */
static const uint8_t nop_unwind[] = {
    DW_CFA_advance_loc(1),             /* addi.d */
    DW_CFA_remember_state,
    DW_CFA_def_cfa_offset, 16,
    DW_CFA_advance_loc(2),             /* st.d, st.d */
    DW_CFA_offset(RA), 1,
    DW_CFA_offset(FP), 2,
    DW_CFA_advance_loc(5),             /* addi.d, nop, ld.d, ld.d, addi.d */
    DW_CFA_restore_state,
};
/* clang-format on */

const struct rst_arch rst_arch_loongarch64 = {
    .name = "loongarch64",
    .is_native = IS_NATIVE,
    .is_64_bit = true,
    .machine = EM_LOONGARCH,
    .flags = ABI_DOUBLE_FLOAT | OBJECT_ABI_V1,
    .page = 0x10000,
    .hash_word_size = 4,
    .filler = filler,
    .filler_size = sizeof(filler),
    .watchers = watchers,
    .watcher_count = sizeof(watchers),
    .code_align = 4,
    .data_align = -8,
    .return_register = RA,
    .unwind = entry_unwind,
    .unwind_size = sizeof(entry_unwind),
    .stubs =
        {
            [RST_NOP1] = {.code = nop,
                          .size = sizeof(nop),
                          .stride = 48,
                          .site = SITE,
                          .ret = sizeof(nop) - 4,
                          .unwind = nop_unwind,
                          .unwind_size = sizeof(nop_unwind)},
        },
    .operands =
        {
            .registers = {"$r4", "$r5", "$r6", "$r7", "$r8", "$r9", "$r10", "$r11"},
            .first_on_stack = 16,
            .before = "[$r3, ",
            .after = "]",
        },
};
