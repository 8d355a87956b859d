/* SPDX-License-Identifier: MIT */
/*
 * Making other programs' bytes fit for a terminal, and measuring how many columns they take.
 */
#ifndef CLI_QUOTE_H
#define CLI_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/base/text.h"

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

/* How many bytes of `words` fit into `width` columns. */
size_t text_fitting(const char *words, size_t width);

#endif
