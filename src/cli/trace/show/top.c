/* SPDX-License-Identifier: MIT */
/*
 * --top: the counts so far, the most frequent first, as a table that is redrawn in its place on the
 * terminal. It has no more lines than the terminal. What was on the terminal before stays.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/table.h"
#include "cli/trace/show/totals.h"

struct top {
    const struct plan *plan;
    struct tallies tallies; /* the most frequent */
    double seconds;         /* since the last table; 0: there was none */
};

void totals_erase(struct totals *totals)
{
    if (totals->lines > 0)
        printf("\r\033[%zuA\033[J", totals->lines);
    totals->lines = 0;
}

/* How many lines a table may have; without a terminal, any number. */
static size_t most_lines(void)
{
    struct winsize size = {0};

    if (table_width() == 0)
        return SIZE_MAX;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row < 4)
        return 23;
    return size.ws_row - 1;
}

static void add_cell(const void *context, size_t row, size_t column, struct text *ret)
{
    const struct top *top = context;
    const struct tally *tally = &top->tallies.list[row];
    struct shown by = tally_shown(top->plan, tally);

    if (column == 0)
        text_addf(ret, "%" PRIu64, tally->count);
    else if (column == 1)
        text_addf(ret, "%.0f", top->seconds > 0 ? (double)tally->added / top->seconds : 0);
    else if (column == 2)
        show_probe(ret, tally_probe(top->plan, tally));
    else if (tally->count > 0)
        show_value(ret, &by);
}

static void draw_counts(struct totals *totals, double seconds, size_t most)
{
    const char *by = totals->plan->options->by;
    const struct table_column columns[] = {{"COUNT", CUT_NEVER},
                                           {"PER SECOND", CUT_NEVER},
                                           {"PROBE", CUT_END},
                                           {by ? by : "", CUT_END}};
    struct top top = {totals->plan, {NULL, totals->now.count}, seconds};
    size_t all;

    /* A copy, because ranking changes the order. */
    top.tallies.list = sure(calloc(totals->now.count + 1, sizeof(*top.tallies.list)));
    if (totals->now.count > 0)
        memcpy(top.tallies.list, totals->now.list, totals->now.count * sizeof(*top.tallies.list));
    tallies_rank(totals->plan, &top.tallies);
    all = top.tallies.count;
    if (all + 1 > most)
        top.tallies.count = most - 2;
    table_print(&(struct table){.columns = columns,
                                .column_count = by ? 4 : 3,
                                .row_count = top.tallies.count,
                                .context = &top,
                                .cell = add_cell});
    if (top.tallies.count < all)
        printf("and %zu more\n", all - top.tallies.count);
    totals->lines = top.tallies.count + 1 + (top.tallies.count < all);
    free(top.tallies.list);
}

/* The first lines of the histograms. */
static void draw_histograms(struct totals *totals, size_t most)
{
    FILE *terminal = stdout, *memory;
    char *words = NULL, *at, *end;
    size_t size;

    memory = sure(open_memstream(&words, &size));
    stdout = memory;
    totals_show(totals, &totals->now, 1);
    stdout = terminal;
    fclose(memory);
    for (at = words; totals->lines < most && (end = strchr(at, '\n')); at = end + 1)
        totals->lines++;
    fwrite(words, 1, (size_t)(at - words), stdout);
    free(words);
}

void totals_draw(struct totals *totals)
{
    int64_t now = milliseconds();
    double seconds = totals->drawn ? (double)(now - totals->drawn) / 1000 : 0;

    totals_erase(totals);
    tallies_merge(totals->plan, &totals->now);
    tallies_compare(totals->plan, &totals->now, &totals->before);
    if (totals->plan->options->mode == TRACE_HISTOGRAM)
        draw_histograms(totals, most_lines());
    else
        draw_counts(totals, seconds, most_lines());
    if (table_width() == 0)
        totals->lines = 0; /* there is no way back */
    fflush(stdout);
    totals_keep(totals);
    totals->drawn = now;
}
