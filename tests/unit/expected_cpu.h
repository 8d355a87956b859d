/* SPDX-License-Identifier: MIT */
/*
 * What an image of each CPU should hold, without librst's help. The bytes of the functions are what
 * an assembler makes of tests/cross/stubs/NAME.s, and the rows what it makes of the .cfi lines
 * there.
 */
#ifndef EXPECTED_CPU_H
#define EXPECTED_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPECTED_MOST_ARGS 12
#define EXPECTED_MOST_ROWS 10
#define EXPECTED_MOST_SAVED 2

struct expected_bytes {
    const uint8_t *at;
    size_t size;
};

/* At an instruction: where the frame address (CFA) is, and the registers that are saved. */
struct expected_row {
    uint8_t offset;
    bool after_nop; /* the offset counts from the end of the nop, not from the function's start */
    uint8_t base;
    int16_t distance;
    struct {
        uint8_t reg;
        int16_t place; /* relative to the CFA; 0: none */
    } saved[EXPECTED_MOST_SAVED];
};

struct expected_cpu {
    const char *name;
    uint8_t class, data;
    uint16_t machine;
    uint32_t flags;
    uint64_t page;
    size_t hash_word, symbol, dynamic; /* sizes */

    /* The function: before the nop, the nop, after it, and what is between functions. */
    struct expected_bytes before, nop, after, between;
    struct expected_bytes property; /* none if its size is 0 */

    uint8_t code_align, data_align, return_register; /* as the CIE has them */
    struct expected_row rows[EXPECTED_MOST_ROWS];    /* one for each instruction */
    size_t row_count;

    /* The places of the arguments: registers, then displacements between two texts. */
    const char *registers[EXPECTED_MOST_ARGS];
    unsigned displacement;
    const char *left, *right;
};

/* The first is x86_64. */
extern const struct expected_cpu expected_cpus[];
extern const size_t expected_cpu_count;

#endif
