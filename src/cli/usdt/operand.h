/* SPDX-License-Identifier: MIT */
/*
 * Operands: where a probe's arguments are, in the assembly language of the probe's CPU.
 *
 *     operands = [ operand { " " operand } ]
 *     operand  = [ [ "-" ] size [ "f" ] "@" ] place
 *
 * The size is in bytes, "-" means signed, "f" floating point. A place may have blanks in brackets:
 * aarch64's "8@[sp, 16]".
 */
#ifndef CLI_OPERAND_H
#define CLI_OPERAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/signature.h"

enum operand_kind {
    OPERAND_OTHER, /* a symbol, or a form that is not known */
    OPERAND_REGISTER,
    OPERAND_MEMORY, /* at an address in a register, plus a displacement */
    OPERAND_CONSTANT
};

struct operand {
    uint32_t size; /* in bytes; 0: the operand does not say */
    bool is_signed, is_float;
    enum operand_kind kind;
    const char *text; /* the place, not NUL-terminated */
    size_t length;
};

/*
 * Read the next operand at `*at`, which moves past it; `machine` is the file's e_machine. Gives
 * false at the end.
 */
bool operand_next(const char **at, uint16_t machine, struct operand *ret);

/* The size, if a register or a number can have it: 1, 2, 4 or 8; else 0. */
uint8_t operand_size(const struct operand *operand);

/* "register" and so on, by enum operand_kind. */
extern const char *const operand_kind_names[];

/* Whether librst writes the operand like this for an argument of the type. */
bool operand_has_type(const struct operand *operand, enum rst_type type);

/* A type of the same size and sign: "int32", "uint64", "double"; "?" if no type has that size. */
const char *operand_type(const struct operand *operand);

#endif
