/* SPDX-License-Identifier: MIT */
/*
 * `rst list` for people. Sites that would look the same become one row. So do processes that have
 * mapped the same file.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/quote.h"
#include "cli/base/table.h"
#include "cli/list/list.h"

struct row {
    const struct found *first;
    size_t sites, processes;
};

struct rows {
    struct row *list;
    size_t count;
    size_t columns[7]; /* those that are shown, as indices of `columns` */
    size_t column_count;
};

/* Write the arguments for people: "uint64 order, string customer"; "-" for none. */
static void write_arguments(const struct row *row, struct text *ret)
{
    const struct found *found = row->first;
    struct usdt_arguments arguments;

    usdt_arguments(found->source->file->machine, found->probe, &arguments);
    for (size_t i = 0; i < arguments.count; i++) {
        const struct usdt_argument *argument = &arguments.list[i];

        text_addf(ret, "%s%s", i ? ", " : "", argument->type);
        if (argument->name)
            text_addf(ret, " %.*s", (int)argument->name_length, argument->name);
    }
    text_add(ret, arguments.more ? ", ..." : arguments.count == 0 ? "-" : "");
    usdt_arguments_free(&arguments);
}

static void write_process(const struct row *row, struct text *ret)
{
    const struct source *source = row->first->source;

    if (source->pid == 0) {
        text_add(ret, "-");
        return;
    }
    text_addf(ret, "%ld ", (long)source->pid);
    text_add_shown(ret, source->command, strlen(source->command));
    if (row->processes > 1)
        text_addf(ret, " +%zu", row->processes - 1);
}

static void write_watched(const struct row *row, struct text *ret)
{
    if (row->first->watched >= 0)
        text_addf(ret, "%" PRId32, row->first->watched);
    else
        text_add(ret, row->first->watched == WATCHED_UNKNOWN ? "?" : "-");
}

static void write_sites(const struct row *row, struct text *ret)
{
    text_addf(ret, "%zu", row->sites);
}

static void write_probe(const struct row *row, struct text *ret)
{
    list_add_name(row->first->probe, ret);
}

static void write_where(const struct row *row, struct text *ret)
{
    text_add(ret, source_kind_names[row->first->source->kind]);
}

static void write_path(const struct row *row, struct text *ret)
{
    text_add_shown(ret, row->first->source->path, strlen(row->first->source->path));
}

enum need { ALWAYS, SEVERAL_SITES, SEVERAL_PROCESSES, IN_PROCESSES };

static const struct {
    struct table_column column;
    enum need need; /* when the column is shown */
    void (*write)(const struct row *row, struct text *ret);
} columns[] = {
    {{"PROBE", CUT_NEVER}, ALWAYS, write_probe},
    {{"ARGUMENTS", CUT_END}, ALWAYS, write_arguments},
    {{"WATCHED", CUT_NEVER}, IN_PROCESSES, write_watched},
    {{"SITES", CUT_NEVER}, SEVERAL_SITES, write_sites},
    {{"PROCESS", CUT_END}, SEVERAL_PROCESSES, write_process},
    {{"WHERE", OWN_LINE}, ALWAYS, write_where},
    {{"PATH", OWN_LINE}, ALWAYS, write_path},
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static bool same_arguments(const struct found *a, const struct found *b)
{
    struct text one = {0}, other = {0};
    bool same = strcmp(a->probe->operands, b->probe->operands) == 0;

    if (!same) {
        write_arguments(&(struct row){.first = a}, &one);
        write_arguments(&(struct row){.first = b}, &other);
        same = strcmp(one.bytes, other.bytes) == 0;
    }
    free(one.bytes);
    free(other.bytes);
    return same;
}

static bool same_row(const struct found *a, const struct found *b)
{
    return usdt_same_name(a->probe, b->probe) && a->watched == b->watched &&
           a->source->kind == b->source->kind && strcmp(a->source->path, b->source->path) == 0 &&
           same_arguments(a, b);
}

static void make_rows(const struct findings *findings, struct rows *rows)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct found *found = &findings->list[i];
        struct row *row = rows->count ? &rows->list[rows->count - 1] : NULL;

        if (!row || !same_row(row->first, found)) {
            APPEND(rows->list, rows->count, (struct row){.first = found});
            row = &rows->list[rows->count - 1];
        }
        row->sites += found->source->pid == row->first->source->pid;
        row->processes += found->probe->site == row->first->probe->site;
    }
}

static void write_cell(const void *context, size_t row, size_t column, struct text *ret)
{
    const struct rows *rows = context;

    columns[rows->columns[column]].write(&rows->list[row], ret);
}

static bool is_watched(const void *context, size_t row)
{
    const struct rows *rows = context;

    return rows->list[row].first->watched > 0;
}

void list_as_table(const struct findings *findings)
{
    bool met[] = {[ALWAYS] = true, [IN_PROCESSES] = false};
    struct table_column shown[COLUMNS];
    struct rows rows = {0};

    make_rows(findings, &rows);
    for (size_t i = 0; i < rows.count; i++)
        met[SEVERAL_SITES] |= rows.list[i].sites > 1;
    for (size_t i = 0; i < findings->count; i++) {
        met[SEVERAL_PROCESSES] |= findings->list[i].source->pid != findings->list[0].source->pid;
        met[IN_PROCESSES] |= findings->list[i].source->pid != 0;
    }
    for (size_t i = 0; i < COLUMNS; i++)
        if (met[columns[i].need]) {
            shown[rows.column_count] = columns[i].column;
            rows.columns[rows.column_count++] = i;
        }
    table_print(&(struct table){
        .columns = shown,
        .column_count = rows.column_count,
        .row_count = rows.count,
        .context = &rows,
        .cell = write_cell,
        .is_bright = is_watched,
    });
    free(rows.list);
}
