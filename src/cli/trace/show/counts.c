/* SPDX-License-Identifier: MIT */
/*
 * Prints counts as a table, or as lines of JSON.
 */
#include <inttypes.h>

#include "cli/base/table.h"
#include "cli/trace/show/totals.h"

struct counts {
    const struct plan *plan;
    const struct tallies *tallies;
};

static void add_cell(const void *context, size_t row, size_t column, struct text *ret)
{
    const struct counts *counts = context;
    const struct tally *tally = &counts->tallies->list[row];
    struct shown by = tally_shown(counts->plan, tally);

    if (column == 0)
        text_addf(ret, "%" PRIu64, tally->count);
    else if (column == 1)
        show_probe(ret, tally_probe(counts->plan, tally));
    else if (tally->count > 0)
        show_value(ret, &by);
}

void print_counts(const struct plan *plan, struct tallies *tallies, int64_t time)
{
    const struct counts counts = {plan, tallies};
    const char *by = plan->options->by;
    struct table_column columns[] = {
        {"COUNT", CUT_NEVER}, {"PROBE", CUT_END}, {by ? by : "", CUT_END}};

    if (!time)
        tallies_add_unhit(plan, tallies);
    tallies_rank(plan, tallies);
    for (size_t i = 0; plan->options->json && i < tallies->count; i++) {
        struct json json = {.out = stdout};

        if (by && tallies->list[i].count == 0)
            continue;
        tally_open(&json, plan, &tallies->list[i], time);
        json_number(&json, "count", tallies->list[i].count);
        json_close(&json, '{');
        fputc('\n', stdout);
    }
    if (!plan->options->json)
        table_print(&(struct table){.columns = columns,
                                    .column_count = by ? 3 : 2,
                                    .row_count = tallies->count,
                                    .context = &counts,
                                    .cell = add_cell});
}
