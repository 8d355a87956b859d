/* SPDX-License-Identifier: MIT */
/*
 * Prints counts as a table, or as lines of JSON.
 */
#include <inttypes.h>

#include "cli/base/table.h"
#include "cli/trace/show/totals.h"

enum column { COUNT, RATE, PROBE, BY, COLUMNS };

struct counts {
    const struct plan *plan;
    const struct tally *list;
    enum column columns[COLUMNS];
    double seconds;
};

static void add_cell(const void *context, size_t row, size_t column, struct text *ret)
{
    const struct counts *counts = context;
    const struct tally *tally = &counts->list[row];
    struct shown by = tally_shown(counts->plan, tally);

    switch (counts->columns[column]) {
    case COUNT:
        text_addf(ret, "%" PRIu64, tally->count);
        break;
    case RATE:
        text_addf(ret, "%.0f", counts->seconds > 0 ? (double)tally->added / counts->seconds : 0);
        break;
    case PROBE:
        show_probe(ret, tally_probe(counts->plan, tally));
        break;
    default:
        if (tally->count > 0)
            show_value(ret, &by);
    }
}

void print_table(const struct plan *plan, const struct tally *list, size_t count, double seconds)
{
    const char *by = plan->options->by;
    const struct table_column all[COLUMNS] = {
        {"COUNT", CUT_NEVER}, {"PER SECOND", CUT_NEVER}, {"PROBE", CUT_END}, {by, CUT_END}};
    struct table_column columns[COLUMNS];
    struct counts counts = {.plan = plan, .list = list, .seconds = seconds};
    size_t column_count = 0;

    for (enum column column = COUNT; column < COLUMNS; column++) {
        if ((column == RATE && seconds < 0) || (column == BY && !by))
            continue;
        columns[column_count] = all[column];
        counts.columns[column_count++] = column;
    }
    table_print(&(struct table){.columns = columns,
                                .column_count = column_count,
                                .row_count = count,
                                .context = &counts,
                                .cell = add_cell});
}

void print_counts(const struct plan *plan, struct tallies *tallies, int64_t time)
{
    if (!time)
        tallies_add_unhit(plan, tallies);
    tallies_rank(plan, tallies);
    if (!plan->options->json) {
        print_table(plan, tallies->list, tallies->count, -1);
        return;
    }
    for (size_t i = 0; i < tallies->count; i++) {
        const struct tally *tally = &tallies->list[i];
        struct json json = {.out = stdout};

        if (plan->options->by && tally->count == 0)
            continue;
        tally_open(&json, plan, tally, time);
        json_number(&json, "count", tally->count);
        json_close(&json, '{');
        fputc('\n', stdout);
    }
}
