/* SPDX-License-Identifier: MIT */
/*
 * Numbers in words of others: ASCII's digits, whatever the locale.
 */
#ifndef CLI_NUMBER_H
#define CLI_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool is_digit(char c);

/* What a digit in hexadecimal is worth; -1: it is none. */
int hex_digit(char c);

/* Digits, perhaps behind a "-", and nothing else that a shell or a tracer could know. */
bool is_decimal(const char *text, size_t length);

/* A word of a command line that is a number from `least` to `most`. Gives whether it is. */
bool read_whole(const char *word, uint64_t least, uint64_t most, uint64_t *ret);

/* The first two numbers of a version as one that grows with it: "0.17.0" is 17, "6.18-rc1" 618. */
unsigned version_number(const char *version);

#endif
