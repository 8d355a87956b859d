@ SPDX-License-Identifier: MIT
        .syntax unified
        .arch   armv7-a
        .arm
        .cfi_startproc
        mov     ip, sp
        push    {r0, r1, r2, r3}
        .cfi_def_cfa_offset 16
        push    {fp, ip, lr, pc}
        .cfi_def_cfa_offset 32
        .cfi_offset r11, -32
        .cfi_offset lr, -24
        sub     fp, ip, #20
        nop
        ldm     sp, {fp, sp, lr}
        .cfi_def_cfa_offset 0
        .cfi_restore r11
        .cfi_restore lr
        bx      lr
        .cfi_endproc
