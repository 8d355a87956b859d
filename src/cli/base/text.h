/* SPDX-License-Identifier: MIT */
/*
 * A string that grows, and numbers as text.
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>

struct text {
    char *bytes; /* NUL-terminated once something is added; free() it */
    size_t size, room;
};

void text_clear(struct text *text);
void text_add_bytes(struct text *text, const char *bytes, size_t size);
void text_add(struct text *text, const char *words);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A formatted string; free() it. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A number in the fewest digits from which it can be read back, or "inf", "-inf" or "nan". */
#define DOUBLE_TEXT 32
const char *double_text(double value, char ret[DOUBLE_TEXT]);

/* The same for a float: 0.1, not 0.10000000149011612. */
const char *float_text(float value, char ret[DOUBLE_TEXT]);

#endif
