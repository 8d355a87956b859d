/* SPDX-License-Identifier: MIT */
/*
 * Bytes of others made fit for a terminal, and the columns that they take there.
 */
#ifndef CLI_QUOTE_H
#define CLI_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/base/text.h"

/* What the terminal can show as it is. Control characters, what is no character, and what takes no
 * column (the marks that turn the direction of writing are among them) become \xNN. */
void text_add_shown(struct text *text, const char *bytes, size_t size);

/* Whether it has only what no shell, tracer or terminal takes for something else: ASCII's letters
 * and digits, "_", and what is in `further`; and is not empty. */
bool is_plain_word(const char *word, const char *further);

/* A word of a command, in quotation marks, for a shell that is to take it as it is. What the
 * terminal can't show is written by printf(1); lines may end in it. */
void text_add_word(struct text *text, const char *word);

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

#endif
