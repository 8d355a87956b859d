/* SPDX-License-Identifier: MIT */
#include "cli/base/table.h"
#include "cli/base/quote.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/base/command.h"

#define GAP 2
#define INDENT 2      /* of rows whose last cell has a line of its own */
#define LEAST_WIDTH 8 /* of a column that is cut: it shows a process id and the mark */
#define GOOD_WIDTH 20 /* of one that is cut although the last cell could have its own line */
#define MOST_WIDTH 80 /* of one that is not cut: one long name must not widen every row */
#define BOLD "\033[1m"
#define BRIGHT "\033[1;32m"
#define PLAIN "\033[0m"

/* The state of printing a table. */
struct printer {
    const struct table *table;
    FILE *out;
    size_t *widths;
    size_t count;    /* of columns, without those that have lines of their own */
    size_t terminal; /* its width; 0: stdout is not a terminal, so nothing is cut */
    bool colour;
    const char *mark; /* shows where a cell was cut */
    struct text cell, other;
};

bool table_has_colour(void)
{
    const char *unwanted = getenv("NO_COLOR"), *terminal = getenv("TERM");

    return isatty(STDOUT_FILENO) && !(unwanted && *unwanted) && terminal &&
           strcmp(terminal, "dumb") != 0;
}

bool table_has_unicode(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

size_t table_width(void)
{
    const char *told = getenv("COLUMNS");
    struct winsize size = {0};

    if (!isatty(STDOUT_FILENO))
        return 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return told && strtoul(told, NULL, 10) > 0 ? strtoul(told, NULL, 10) : 80;
}

/* Put a cell's text into `printer->cell`, and give its width. Row 0 has the titles. */
static size_t take_cell(struct printer *printer, size_t row, size_t column)
{
    const struct table *table = printer->table;

    text_clear(&printer->cell);
    if (row == 0)
        text_add(&printer->cell, table->columns[column].title);
    else
        table->cell(table->context, row - 1, column, &printer->cell);
    return text_width(printer->cell.bytes);
}

static void measure(struct printer *printer)
{
    for (size_t row = 0; row <= printer->table->row_count; row++)
        for (size_t column = 0; column < printer->count; column++) {
            size_t width = take_cell(printer, row, column);

            if (width > printer->widths[column] && (printer->terminal || width <= MOST_WIDTH))
                printer->widths[column] = width;
        }
}

/* The width of the rows if no column that may be cut is wider than `most`. */
static size_t row_width(const struct printer *printer, size_t most)
{
    size_t total = printer->count < printer->table->column_count ? INDENT : 0;

    for (size_t i = 0; i < printer->count; i++) {
        bool is_cut = printer->table->columns[i].cut == CUT_END && printer->widths[i] > most;

        total += (i ? GAP : 0) + (is_cut ? most : printer->widths[i]);
    }
    return total;
}

/*
 * Make the rows fit the terminal. If a column would have little room, the last ones get lines of
 * their own. Then the widest ones are cut. If that is not enough, long cells of the first column
 * move the rest of their rows to the right.
 */
static void fit(struct printer *printer)
{
    const struct table_column *columns = printer->table->columns;
    size_t most = printer->terminal, width;

    if (row_width(printer, GOOD_WIDTH) > printer->terminal)
        while (columns[printer->count - 1].cut == OWN_LINE)
            printer->count--;
    while ((width = row_width(printer, most)) > printer->terminal && most > LEAST_WIDTH)
        most--;
    for (size_t i = 0; i < printer->count; i++)
        if (columns[i].cut == CUT_END && printer->widths[i] > most)
            printer->widths[i] = most;
    for (; width > printer->terminal && printer->widths[0] > LEAST_WIDTH; width--)
        printer->widths[0]--;
}

static void print_cell(struct printer *printer, size_t row, size_t column, bool is_last,
                       const char *colour)
{
    size_t width = take_cell(printer, row, column), room = printer->widths[column];

    if (printer->terminal && width > room && printer->table->columns[column].cut == CUT_END) {
        printer->cell.size = text_fitting(printer->cell.bytes, room - text_width(printer->mark));
        text_add(&printer->cell, printer->mark);
        width = text_width(printer->cell.bytes);
    }
    fprintf(printer->out, "%s%s%s", colour, printer->cell.bytes, *colour ? PLAIN : "");
    if (is_last)
        fputc('\n', printer->out);
    else
        fprintf(printer->out, "%*s", (int)(GAP + (width < room ? room - width : 0)), "");
}

static void print_cells(struct printer *printer, size_t row, size_t from, size_t to,
                        const char *colour)
{
    for (size_t column = from; column < to; column++)
        print_cell(printer, row, column, column + 1 == to, colour);
}

/* Whether the cells on a line of their own are the same as those of the row before. */
static bool has_line(struct printer *printer, size_t row)
{
    for (size_t column = printer->count; column < printer->table->column_count; column++) {
        take_cell(printer, row - 1, column);
        text_clear(&printer->other);
        text_add(&printer->other, printer->cell.bytes);
        take_cell(printer, row, column);
        if (strcmp(printer->other.bytes, printer->cell.bytes) != 0)
            return false;
    }
    return true;
}

static void print_row(struct printer *printer, size_t row)
{
    const struct table *table = printer->table;
    const char *title = printer->colour && row == 0 ? BOLD : "";
    bool is_bright =
        printer->colour && row > 0 && table->is_bright && table->is_bright(table->context, row - 1);

    if (row == 0 || !has_line(printer, row))
        print_cells(printer, row, printer->count, table->column_count, title);
    if (printer->count < table->column_count)
        fprintf(printer->out, "%*s", INDENT, "");
    print_cells(printer, row, 0, printer->count, is_bright ? BRIGHT : title);
}

void table_print(const struct table *table)
{
    struct printer printer = {
        .table = table,
        .out = table->out ? table->out : stdout,
        .widths = sure(calloc(table->column_count, sizeof(*printer.widths))),
        .count = table->column_count,
        .terminal = table_width(),
        .colour = table_has_colour(),
        .mark = table_has_unicode() ? "…" : "~",
    };

    measure(&printer);
    if (printer.terminal)
        fit(&printer);
    for (size_t row = 0; row <= table->row_count; row++)
        print_row(&printer, row);
    free(printer.widths);
    free(printer.cell.bytes);
    free(printer.other.bytes);
}
