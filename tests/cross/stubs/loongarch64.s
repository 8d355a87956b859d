# SPDX-License-Identifier: MIT
        .cfi_startproc
        addi.d  $sp, $sp, -16
        .cfi_def_cfa_offset 16
        st.d    $ra, $sp, 8
        st.d    $fp, $sp, 0
        .cfi_offset 1, -8
        .cfi_offset 22, -16
        addi.d  $fp, $sp, 16
        nop
        ld.d    $ra, $sp, 8
        ld.d    $fp, $sp, 0
        addi.d  $sp, $sp, 16
        .cfi_restore 1
        .cfi_restore 22
        .cfi_def_cfa_offset 0
        ret
        .cfi_endproc
