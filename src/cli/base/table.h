/* SPDX-License-Identifier: MIT */
/*
 * A table that fits the terminal. Where stdout is not a terminal, nothing is cut or coloured: a
 * cell wider than 80 columns is printed in full, and moves the rest of its row to the right.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

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
    enum table_cut cut;
    bool is_hidden;
};

/*
 * Each row is a mark, a tab after each cell but the last, and a newline. The first row has the
 * titles. The cells' text must be fit for a terminal.
 */
#define TABLE_TITLES "#"
#define TABLE_PLAIN " "
#define TABLE_BRIGHT "+"

struct table {
    const struct table_column *columns;
    size_t column_count;
    struct text rows;
    FILE *out; /* which goes to stdout in the end; NULL: stdout itself */
};

/* Print the table, and free its rows. */
void table_print(struct table *table);

/* Whether stdout is a terminal that shows colours, and the user wants them (NO_COLOR, TERM). */
bool table_has_colour(void);

/* Whether the terminal shows more than ASCII. */
bool table_has_unicode(void);

/* The width of the terminal; 0: stdout is not a terminal, and any width will do. */
size_t table_width(void);

#endif
