/* SPDX-License-Identifier: MIT */
/*
 * riscv64, LP64D ABI: eight integer arguments in registers, the rest on the stack.
 *
 * The stub, and its canonical frame address (CFA). It has no compressed instructions, so that it
 * runs on every CPU:
 *
 *     addi sp,sp,-16      CFA = sp + 16
 *     sd   ra,8(sp)       ra saved at CFA - 8
 *     sd   s0,0(sp)       s0 saved at CFA - 16
 *     addi s0,sp,16
 *     nop                 <- the site: argument 9 is at 16(sp), 10 at 24(sp), ...
 *     ld   ra,8(sp)
 *     ld   s0,0(sp)
 *     addi sp,sp,16       CFA = sp, ra and s0 restored
 *     ret
 */
#include <elf.h>

#include "arch/arch.h"
#include "arch/encoding.h"

#if defined(__riscv) && __riscv_xlen == 64 && defined(__riscv_float_abi_double)
#define IS_NATIVE true
#else
#define IS_NATIVE false
#endif

#ifndef EF_RISCV_FLOAT_ABI_DOUBLE /* musl */
#define EF_RISCV_FLOAT_ABI_DOUBLE 0x4
#endif

/* DWARF's register numbers (RISC-V DWARF Specification, table 1). */
#define RA 1
#define SP 2
#define S0 8

#define SITE 16

static const uint8_t nop[] = {
    RST_WORD(0xff010113), /* addi */
    RST_WORD(0x00113423), /* sd */
    RST_WORD(0x00813023), /* sd */
    RST_WORD(0x01010413), /* addi */
    RST_WORD(0x00000013), /* nop */
    RST_WORD(0x00813083), /* ld */
    RST_WORD(0x00013403), /* ld */
    RST_WORD(0x01010113), /* addi */
    RST_WORD(0x00008067), /* ret */
};

static const uint8_t filler[] = {RST_WORD(0) /* unimp */};

/* ebreak; c.ebreak. */
static const uint8_t watchers[] = {0x73, 0x02};

static const uint8_t entry_unwind[] = {
    DW_CFA_def_cfa,
    SP,
    0,
};

/* clang-format off */
static const uint8_t nop_unwind[] = {
    DW_CFA_advance_loc(1),             /* addi */
    DW_CFA_remember_state,
    DW_CFA_def_cfa_offset, 16,
    DW_CFA_advance_loc(2),             /* sd, sd */
    DW_CFA_offset(RA), 1,
    DW_CFA_offset(S0), 2,
    DW_CFA_advance_loc(5),             /* addi, nop, ld, ld, addi */
    DW_CFA_restore_state,
};
/* clang-format on */

const struct rst_arch rst_arch_riscv64 = {
    .name = "riscv64",
    .is_native = IS_NATIVE,
    .is_64_bit = true,
    .machine = EM_RISCV,
    .flags = EF_RISCV_FLOAT_ABI_DOUBLE,
    .page = 0x1000,
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
            .registers = {"a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"},
            .first_on_stack = 16,
            .before = "",
            .after = "(sp)",
        },
};
