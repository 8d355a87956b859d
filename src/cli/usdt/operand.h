/* SPDX-License-Identifier: MIT */
/*
 * Operands: where a probe's arguments are, as the assembler of the probe's CPU writes it.
 *
 *     operands = [ operand { " " operand } ]
 *     operand  = [ [ "-" ] size [ "f" ] "@" ] place        size in bytes, "-": signed, "f":
 * floating
 *
 * A place may have blanks in brackets: aarch64's "8@[sp, 16]".
 */
#ifndef CLI_OPERAND_H
#define CLI_OPERAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum operand_kind {
    OPERAND_OTHER, /* a symbol, or what is not understood */
    OPERAND_REGISTER,
    OPERAND_MEMORY, /* at a register and a displacement */
    OPERAND_CONSTANT
};

struct operand {
    uint8_t size; /* in bytes; 0: it isn't said */
    bool is_signed, is_float;
    enum operand_kind kind;
    const char *text; /* the place, not NUL-terminated */
    size_t length;
};

/*
 * Take the next operand from `*at`, which moves behind it; `machine` is the file's e_machine. Gives
 * false at the end.
 */
bool operand_next(const char **at, uint16_t machine, struct operand *ret);

/* Its size if that is one of a register's or a number's: 1, 2, 4 or 8; else 0. */
uint8_t operand_size(const struct operand *operand);

/* "register" and so on. */
const char *operand_kind_name(enum operand_kind kind);

/* "int32", "uint64", "double" and so on; "?" where the size is none of a type. */
const char *operand_type(const struct operand *operand);

#endif
