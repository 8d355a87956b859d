# SPDX-License-Identifier: MIT
        .option norvc
        .cfi_startproc
        addi    sp, sp, -16
        .cfi_def_cfa_offset 16
        sd      ra, 8(sp)
        sd      s0, 0(sp)
        .cfi_offset ra, -8
        .cfi_offset s0, -16
        addi    s0, sp, 16
        nop
        ld      ra, 8(sp)
        ld      s0, 0(sp)
        addi    sp, sp, 16
        .cfi_restore ra
        .cfi_restore s0
        .cfi_def_cfa_offset 0
        ret
        .cfi_endproc
