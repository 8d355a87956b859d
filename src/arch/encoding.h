/* SPDX-License-Identifier: MIT */
/*
 * What the CPUs' files write their tables with: instructions as bytes, and DWARF's call frame
 * instructions (DWARF 5, section 6.4.2).
 */
#ifndef RST_ENCODING_H
#define RST_ENCODING_H

/* An instruction of 32 bits, the low byte first. */
#define RST_WORD(word)                                                                             \
    (word) & 0xff, (word) >> 8 & 0xff, (word) >> 16 & 0xff, (unsigned)(word) >> 24 & 0xff

/* `delta` in units of the CIE's code alignment. */
#define DW_CFA_advance_loc(delta) (0x40 | (delta))
#define DW_CFA_offset(reg) (0x80 | (reg))
#define DW_CFA_remember_state 0x0a
#define DW_CFA_restore_state 0x0b
#define DW_CFA_def_cfa 0x0c
#define DW_CFA_def_cfa_register 0x0d
#define DW_CFA_def_cfa_offset 0x0e
#define DW_CFA_offset_extended_sf 0x11

/* A number from 128 to 16383 as unsigned LEB128. */
#define DW_ULEB2(number) ((number)&0x7f) | 0x80, (number) >> 7

#endif
