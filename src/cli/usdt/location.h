/* SPDX-License-Identifier: MIT */
/* Where an operand's value is when a thread is at the site. */
#ifndef CLI_LOCATION_H
#define CLI_LOCATION_H

#include <stdbool.h>
#include <stdint.h>

enum location_kind {
    LOCATION_NONE, /* rst can't read it: a vector register, half of a number, a thread's variable */
    LOCATION_REGISTER,
    LOCATION_MEMORY,  /* at base + index * scale + number (+ the site's load address) */
    LOCATION_CONSTANT /* number (+ the site's load address) */
};

#define LOCATION_NO_REGISTER 0xffff

struct location {
    enum location_kind kind;
    uint16_t base, index; /* offsets in the context (context.h); LOCATION_NO_REGISTER: none */
    uint8_t scale;        /* 1, 2, 4 or 8 */
    uint8_t shift;        /* of a register: %ah is rax >> 8 */
    bool relative;        /* a symbol: number counts from the site's own address in memory */
    int64_t number;
};

struct context;
struct operand;
struct usdt_symbols;

/*
 * `symbols` finds the addresses of symbols; NULL: none is known. `site` is the offset of the
 * probe whose operand it is. Gives LOCATION_NONE for what can't be read; so it does if `context`
 * is NULL.
 */
struct location location_of(const struct context *context, const struct operand *operand,
                            uint64_t site, const struct usdt_symbols *symbols);

#endif
