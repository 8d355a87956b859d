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
#define LEAST_WIDTH 6 /* of a column that is cut */
#define MOST_WIDTH 80 /* of one that is not cut: one long name must not widen every row */
#define BOLD "\033[1m"
#define BRIGHT "\033[1;32m"
#define PLAIN "\033[0m"

/* The state of printing a table. */
struct printer {
    const struct table *table;
    size_t *widths;
    bool cuts; /* whether to cut cells so that rows fit a terminal */
    bool colour;
    const char *mark; /* shows where a cell was cut */
    struct text cell;
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

static void measure(struct printer *printer)
{
    const struct table *table = printer->table;

    for (size_t column = 0; column < table->column_count; column++)
        printer->widths[column] = text_width(table->columns[column].title);
    for (size_t row = 0; row < table->row_count; row++)
        for (size_t column = 0; column < table->column_count; column++) {
            size_t width;

            text_clear(&printer->cell);
            table->cell(table->context, row, column, &printer->cell);
            width = text_width(printer->cell.bytes);
            if (width > printer->widths[column] && (printer->cuts || width <= MOST_WIDTH))
                printer->widths[column] = width;
        }
}

/* The widest column that may be made narrower, or NULL. */
static size_t *widest(const struct printer *printer)
{
    size_t *found = NULL;

    for (size_t i = 0; i < printer->table->column_count; i++) {
        size_t *width = &printer->widths[i];

        if (printer->table->columns[i].cut != CUT_NEVER && *width > LEAST_WIDTH &&
            (!found || *width > *found))
            found = width;
    }
    return found;
}

static void fit(struct printer *printer, size_t terminal)
{
    size_t count = printer->table->column_count, total = GAP * (count - 1), *width;

    for (size_t i = 0; i < count; i++) {
        if (printer->table->columns[i].cut != CUT_NEVER && printer->widths[i] > terminal)
            printer->widths[i] = terminal;
        total += printer->widths[i];
    }
    for (; total > terminal && (width = widest(printer)); total--)
        --*width;
}

/* Print as much of a cell as fits into its column. Gives the width printed. */
static size_t print_cut(const struct printer *printer, const char *words, size_t room,
                        enum table_cut cut)
{
    size_t width = text_width(words), mark = text_width(printer->mark), bytes;

    if (width <= room || cut == CUT_NEVER || !printer->cuts) {
        fputs(words, stdout);
        return width;
    }
    if (cut == CUT_END) {
        bytes = text_fitting(words, room - mark);
        printf("%.*s%s", (int)bytes, words, printer->mark);
        return text_width(printer->mark) + room - mark;
    }
    bytes = text_fitting(words, width - (room - mark));
    if (text_width(words + bytes) > room - mark) /* do not show half of a wide character */
        bytes = text_fitting(words, width - (room - mark) + 1);
    printf("%s%s", printer->mark, words + bytes);
    return mark + text_width(words + bytes);
}

static void print_cell(const struct printer *printer, size_t column, const char *words,
                       const char *colour)
{
    size_t room = printer->widths[column], width;

    if (printer->colour && colour)
        fputs(colour, stdout);
    width = print_cut(printer, words, room, printer->table->columns[column].cut);
    if (printer->colour && colour)
        fputs(PLAIN, stdout);
    if (column + 1 == printer->table->column_count)
        putchar('\n');
    else
        printf("%*s", (int)(GAP + (width < room ? room - width : 0)), "");
}

static void print_rows(struct printer *printer)
{
    const struct table *table = printer->table;

    for (size_t column = 0; column < table->column_count; column++)
        print_cell(printer, column, table->columns[column].title, BOLD);
    for (size_t row = 0; row < table->row_count; row++) {
        const char *colour =
            table->is_bright && table->is_bright(table->context, row) ? BRIGHT : NULL;

        for (size_t column = 0; column < table->column_count; column++) {
            text_clear(&printer->cell);
            table->cell(table->context, row, column, &printer->cell);
            print_cell(printer, column, printer->cell.bytes, colour);
        }
    }
}

void table_print(const struct table *table)
{
    struct printer printer = {.table = table, .colour = table_has_colour()};
    size_t terminal = table_width();

    printer.widths = sure(calloc(table->column_count, sizeof(*printer.widths)));
    printer.mark = table_has_unicode() ? "…" : "~";
    printer.cuts = terminal > 0;
    measure(&printer);
    if (printer.cuts)
        fit(&printer, terminal);
    print_rows(&printer);
    free(printer.widths);
    free(printer.cell.bytes);
}
