/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing numbers: ASCII digits only, whatever the locale.
 */
#ifndef CLI_NUMBER_H
#define CLI_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

bool is_digit(char c);

/* The value of a hexadecimal digit, or -1 if `c` is not one. */
int hex_digit(char c);

/* Read a number from `least` to `most` from a word of the command line. Gives whether it is one. */
bool read_whole(const char *word, uint64_t least, uint64_t most, uint64_t *ret);

/* A number's decimal digits. */
#define DECIMAL_TEXT 21
const char *decimal(uint64_t number, char ret[DECIMAL_TEXT]);

/* Gives -1, 0 or 1, as a comparison function of qsort(3) does. */
int compare_numbers(uint64_t a, uint64_t b);

/*
 * A version's first two numbers as one number that grows with it: "0.17.0" is 17, "6.18-rc1" 618.
 */
unsigned version_number(const char *version);

#endif
