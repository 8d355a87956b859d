/* SPDX-License-Identifier: MIT */
#include "cli/base/table.h"
#include "cli/base/text.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/base/command.h"

#define GAP "  "
#define INDENT "  "   /* of rows whose last cell has a line of its own */
#define LEAST_WIDTH 8 /* of a column that is cut: it shows a process id and the mark */
#define GOOD_WIDTH 20 /* of one that is cut although the last cell could have its own line */
#define MOST_WIDTH 80 /* of one that is not cut: one long name must not widen every row */
#define BOLD "\033[1m"
#define BRIGHT "\033[1;32m"
#define PLAIN "\033[0m"

/* The state of printing a table. */
struct printer {
    const struct table *table;
    struct table_column columns[TABLE_MOST_COLUMNS]; /* those that are shown */
    size_t widths[TABLE_MOST_COLUMNS], column_count;
    size_t count;    /* of columns without lines of their own */
    size_t terminal; /* its width; 0: stdout is not a terminal */
    bool has_colour;
    const char *mark;                               /* shows where a cell was cut */
    const char *cells[TABLE_MOST_COLUMNS], *colour; /* of the row */
    struct text line;
    struct text above; /* the line that was printed last for cells with lines of their own */
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

/* Take the row at `at`. Gives where the next one is. */
static const char *take_row(struct printer *printer, const char *at)
{
    const struct table *table = printer->table;
    size_t taken = 0;

    printer->colour = *at == *TABLE_TITLES ? BOLD : *at == *TABLE_BRIGHT ? BRIGHT : "";
    if (!printer->has_colour)
        printer->colour = "";
    at++;
    for (size_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].is_hidden)
            printer->cells[taken++] = at;
        at += strlen(at) + 1;
    }
    return at;
}

static void measure_row(struct printer *printer)
{
    for (size_t i = 0; i < printer->column_count; i++) {
        size_t width = text_width(printer->cells[i]);

        if (width > printer->widths[i] && (printer->terminal || width <= MOST_WIDTH))
            printer->widths[i] = width;
    }
}

/* The width of the rows if no column that may be cut is wider than `most`. */
static size_t row_width(const struct printer *printer, size_t most)
{
    size_t total = printer->count < printer->column_count ? strlen(INDENT) : 0;

    for (size_t i = 0; i < printer->count; i++) {
        bool is_cut = printer->columns[i].cut == CUT_END && printer->widths[i] > most;

        total += (i ? strlen(GAP) : 0) + (is_cut ? most : printer->widths[i]);
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
    const struct table_column *columns = printer->columns;
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

/* Write some cells of the row into `printer->line`. */
static void add_cells(struct printer *printer, size_t from, size_t to, const char *colour)
{
    for (size_t i = from; i < to; i++) {
        const char *cell = printer->cells[i], *mark = "";
        size_t size = strlen(cell), width = text_width(cell), room = printer->widths[i];

        if (printer->terminal && width > room && printer->columns[i].cut == CUT_END) {
            mark = printer->mark;
            size = text_fitting(cell, room - text_width(mark), &width);
            width += text_width(mark);
        }
        text_add(&printer->line, colour);
        text_add_bytes(&printer->line, cell, size);
        text_add(&printer->line, mark);
        text_add(&printer->line, *colour ? PLAIN : "");
        text_add(&printer->line, i + 1 < to ? GAP : "");
        for (; i + 1 < to && width < room; width++)
            text_add_bytes(&printer->line, " ", 1);
    }
    text_add(&printer->line, from < to ? "\n" : "");
}

static void print_row(struct printer *printer)
{
    const bool has_titles = strcmp(printer->colour, BOLD) == 0;

    text_clear(&printer->line);
    add_cells(printer, printer->count, printer->column_count, has_titles ? BOLD : "");
    if (strcmp(printer->line.bytes, printer->above.bytes) != 0) {
        fputs(printer->line.bytes, printer->table->out ? printer->table->out : stdout);
        text_clear(&printer->above);
        text_add(&printer->above, printer->line.bytes);
    }
    text_clear(&printer->line);
    text_add(&printer->line, printer->count < printer->column_count ? INDENT : "");
    add_cells(printer, 0, printer->count, printer->colour);
    fputs(printer->line.bytes, printer->table->out ? printer->table->out : stdout);
}

void table_print(struct table *table)
{
    struct printer printer = {
        .table = table,
        .terminal = table_width(),
        .has_colour = table_has_colour(),
        .mark = table_has_unicode() ? "…" : "~",
    };
    char *rows = table->rows.bytes, *end = rows + table->rows.size;

    for (size_t i = 0; i < table->column_count; i++)
        if (!table->columns[i].is_hidden)
            printer.columns[printer.column_count++] = table->columns[i];
    printer.count = printer.column_count;
    for (char *at = rows; (at = strpbrk(at, "\t\n"));)
        *at++ = '\0';
    for (const char *at = rows; at < end; measure_row(&printer))
        at = take_row(&printer, at);
    if (printer.terminal)
        fit(&printer);
    text_clear(&printer.above);
    for (const char *at = rows; at < end; print_row(&printer))
        at = take_row(&printer, at);
    free(printer.line.bytes);
    free(printer.above.bytes);
    free(rows);
}
