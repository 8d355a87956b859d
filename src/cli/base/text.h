/* SPDX-License-Identifier: MIT */
/*
 * Text: strings that grow, other programs' bytes fit for a terminal, and numbers, in ASCII digits
 * whatever the locale.
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* --------------------------------------------------------------------- for a terminal -- */

/*
 * Add bytes as a terminal can show them. Control characters, invalid characters, and characters of
 * no width (such as the marks that change the direction of writing) become \xNN.
 */
void text_add_shown(struct text *text, const char *bytes, size_t size);

/*
 * Whether a word is not empty and has only characters without a special meaning to a shell, tracer
 * or terminal: ASCII letters and digits, "_", and those in `further`.
 */
bool is_plain_word(const char *word, const char *further);

/*
 * A path in quotation marks, for a message: as text_add_shown() writes it. Of a path that is too
 * long, only the end is shown.
 */
struct text_path {
    char text[256];
};

struct text_path text_path(const char *path);

/* How many columns of a terminal the words take. */
size_t text_width(const char *words);

/* How many bytes of `words` fit into `most` columns. `ret` gets how many columns these take. */
size_t text_fitting(const char *words, size_t most, size_t *ret);

/* ---------------------------------------------------------------------------- numbers -- */

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

/* A number in the fewest digits from which it can be read back, or "inf", "-inf" or "nan". */
#define DOUBLE_TEXT 32
const char *double_text(double value, char ret[DOUBLE_TEXT]);

/* The same for a float: 0.1, not 0.10000000149011612. */
const char *float_text(float value, char ret[DOUBLE_TEXT]);

#endif
