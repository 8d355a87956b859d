/* SPDX-License-Identifier: MIT */
/*
 * A string that grows, and bytes of others made fit for a terminal.
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>

struct text {
    char *bytes; /* NUL-terminated once something was added; free() it */
    size_t size, room;
};

void text_clear(struct text *text);
void text_add_bytes(struct text *text, const char *bytes, size_t size);
void text_add(struct text *text, const char *words);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What the terminal can show as it is. Control characters, what is no character, and what takes no
 * column (the marks that turn the direction of writing are among them) become \xNN. */
void text_add_shown(struct text *text, const char *bytes, size_t size);

/* A path for a message, in quotation marks: as text_add_shown() has it, and where it is too long
 * for a message, without its beginning. */
struct text_path {
    char text[256];
};

struct text_path text_path(const char *path);

/* How many columns of a terminal it takes. */
size_t text_width(const char *words);

/* The bytes of `words` that take at most `width` columns. */
size_t text_fitting(const char *words, size_t width);

/* A number in the fewest digits that lead back to it, "inf", "-inf" or "nan". */
#define DOUBLE_TEXT 32
const char *double_text(double value, char ret[DOUBLE_TEXT]);

/* The same for what was a float: 0.1, not 0.10000000149011612. */
const char *float_text(float value, char ret[DOUBLE_TEXT]);

#endif
