/* SPDX-License-Identifier: MIT */
/*
 * A table that fits the terminal. Where stdout is not a terminal, nothing is cut or coloured: a
 * cell wider than 80 columns is printed in full, and moves the rest of its row to the right.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/base/text.h"

enum table_cut {
    CUT_NEVER,
    CUT_END, /* the end is cut: "uint64 order, str…" */

    /*
     * Of the last columns, for paths, which are to be copied whole: where the rows don't fit, these
     * columns get lines of their own, each above the rows that it is about.
     */
    OWN_LINE
};

#define TABLE_MOST_COLUMNS 8

struct table_column {
    const char *title;
    enum table_cut cut;
    bool is_hidden;
};

struct table {
    const struct table_column *columns; /* which are hidden need not be known before the end */
    size_t column_count;
    struct text cells; /* add each cell's text here, fit for a terminal */
};

void table_begin_row(struct table *table, bool is_bright);
void table_end_cell(struct table *table);

/* Print the table, and free its cells. */
void table_print(struct table *table);

/* Whether stdout is a terminal that shows colours, and the user wants them (NO_COLOR, TERM). */
bool table_has_colour(void);

/* Whether the terminal shows more than ASCII. */
bool table_has_unicode(void);

/* The width of the terminal; 0: stdout is not a terminal, and any width will do. */
size_t table_width(void);

#endif
