# SPDX-License-Identifier: MIT
        .cfi_startproc
        stmg    %r14, %r15, 112(%r15)
        .cfi_offset %r14, -48
        .cfi_offset %r15, -40
        lgr     %r1, %r15
        aghi    %r15, -160
        .cfi_def_cfa_offset 320
        stg     %r1, 0(%r15)
        nop     0
        lmg     %r14, %r15, 272(%r15)
        .cfi_def_cfa_offset 160
        .cfi_restore %r14
        .cfi_restore %r15
        br      %r14
        .cfi_endproc
