/* SPDX-License-Identifier: MIT */
/*
 * --top: the counts so far, the most frequent first, as a table that is redrawn in its place on the
 * terminal. It has no more lines than the terminal. What was on the terminal before stays.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/table.h"
#include "cli/trace/show/totals.h"

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

static void draw_counts(struct totals *totals, double seconds, size_t most)
{
    size_t all = totals->now.count, count = all + 1 > most ? most - 2 : all;
    /* A copy, because ranking changes the order. */
    struct tallies ranked = {sure(calloc(all + 1, sizeof(*ranked.list))), all};

    if (all > 0)
        memcpy(ranked.list, totals->now.list, all * sizeof(*ranked.list));
    tallies_rank(totals->plan, &ranked);
    print_table(totals->plan, ranked.list, count, seconds);
    if (count < all)
        printf("and %zu more\n", all - count);
    totals->lines = count + 1 + (count < all);
    free(ranked.list);
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
