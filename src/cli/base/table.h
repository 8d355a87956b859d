/* SPDX-License-Identifier: MIT */
/*
 * A table that fits the terminal. Where stdout is none, nothing is cut, and nothing is coloured:
 * what is wider than 80 columns is written out, and the rest of its row stands to the right of the
 * others.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/base/text.h"

enum table_cut {
    CUT_NEVER,
    CUT_END,  /* what is cut is marked: "uint64 order, str…" */
    CUT_START /* the end of a path tells more: "…/libruby-3.1.so" */
};

struct table_column {
    const char *title;
    enum table_cut cut;
};

struct table {
    const struct table_column *columns;
    size_t column_count, row_count;
    const void *context;
    /* Add a cell's words to `ret`, fit for a terminal. Called twice for each, in order of rows. */
    void (*cell)(const void *context, size_t row, size_t column, struct text *ret);
    bool (*is_bright)(const void *context, size_t row);
};

void table_print(const struct table *table);

/* Whether stdout is a terminal that takes colours, and the user wants them (NO_COLOR, TERM). */
bool table_has_colour(void);

/* Whether more than ASCII can be shown. */
bool table_has_unicode(void);

/* How wide the terminal is; 0: there is none, and any width will do. */
size_t table_width(void);

#endif
