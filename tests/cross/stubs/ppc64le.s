# SPDX-License-Identifier: MIT
        .cfi_startproc
        mflr    0
        std     0, 16(1)
        .cfi_offset 65, 16
        stdu    1, -32(1)
        .cfi_def_cfa_offset 32
        nop
        addi    1, 1, 32
        .cfi_def_cfa_offset 0
        ld      0, 16(1)
        mtlr    0
        .cfi_restore 65
        blr
        .cfi_endproc
