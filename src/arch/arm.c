/* SPDX-License-Identifier: MIT */
/*
 * 32-bit ARM, AAPCS with hard float, little-endian: the first two uint64_t are in r0 to r3, two
 * registers each, the rest on the stack.
 *
 * An operand can name one register, or memory. So the stub puts r0 to r3 on the stack below the
 * other arguments, as a variadic function does: all twelve are then in one row, whole. The frame is
 * what gcc makes with -mapcs-frame: the kernel's unwinder for ARM knows no other.
 *
 * The stub, and its canonical frame address (CFA):
 *
 *     mov  ip, sp                CFA = sp
 *     push {r0, r1, r2, r3}      CFA = sp + 16
 *     push {fp, ip, lr, pc}      CFA = sp + 32, fp saved at CFA - 32, lr at CFA - 24
 *     sub  fp, ip, #20
 *     nop                        <- the site: argument 1 is at [sp, #16], 2 at [sp, #24], ...
 *     ldm  sp, {fp, sp, lr}      CFA = sp, fp and lr restored
 *     bx   lr
 *
 * The code is ARM, not Thumb, in which the kernel has no uprobes.
 */
#include <elf.h>

#include "arch/arch.h"
#include "arch/encoding.h"

#if defined(__ARM_EABI__) && defined(__ARM_PCS_VFP) && defined(__ARMEL__)
#define IS_NATIVE true
#else
#define IS_NATIVE false
#endif

/* DWARF's register numbers (DWARF for the Arm Architecture, 4.1). */
#define FP 11
#define SP 13
#define LR 14

#define SITE 16

static const uint8_t nop[] = {
    RST_WORD(0xe1a0c00d), /* mov */
    RST_WORD(0xe92d000f), /* push */
    RST_WORD(0xe92dd800), /* push */
    RST_WORD(0xe24cb014), /* sub */
    RST_WORD(0xe320f000), /* nop */
    RST_WORD(0xe89d6800), /* ldm */
    RST_WORD(0xe12fff1e), /* bx */
};

static const uint8_t filler[] = {RST_WORD(0xe7f000f0) /* udf #0 */};

/* The kernel's udf #25; a debugger's udf #16. */
static const uint8_t watchers[] = {0xf9, 0xf0};

static const uint8_t entry_unwind[] = {
    DW_CFA_def_cfa,
    SP,
    0,
};

/* clang-format off */
static const uint8_t nop_unwind[] = {
    DW_CFA_advance_loc(2),             /* mov, push */
    DW_CFA_remember_state,
    DW_CFA_def_cfa_offset, 16,
    DW_CFA_advance_loc(1),             /* push */
    DW_CFA_def_cfa_offset, 32,
    DW_CFA_offset(FP), 8,
    DW_CFA_offset(LR), 6,
    DW_CFA_advance_loc(3),             /* sub, nop, ldm */
    DW_CFA_restore_state,
};
/* clang-format on */

const struct rst_arch rst_arch_arm = {
    .name = "arm",
    .is_native = IS_NATIVE,
    .is_64_bit = false,
    .machine = EM_ARM,
    .flags = EF_ARM_EABI_VER5 | EF_ARM_ABI_FLOAT_HARD,
    .page = 0x10000,
    .hash_word_size = 4,
    .filler = filler,
    .filler_size = sizeof(filler),
    .watchers = watchers,
    .watcher_count = sizeof(watchers),
    .code_align = 4,
    .data_align = -4,
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
            .first_on_stack = 16,
            .before = "[sp, #",
            .after = "]",
        },
};
