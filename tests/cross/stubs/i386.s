# SPDX-License-Identifier: MIT
        .cfi_startproc
        endbr32
        push    %ebp
        .cfi_def_cfa_offset 8
        .cfi_offset %ebp, -8
        mov     %esp, %ebp
        .cfi_def_cfa_register %ebp
        nop
        pop     %ebp
        .cfi_def_cfa %esp, 4
        .cfi_restore %ebp
        ret
        .cfi_endproc
