/* SPDX-License-Identifier: MIT */
/*
 * `rst list` for people. Sites that would look the same become one row. So do processes that have
 * mapped the same file.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/quote.h"
#include "cli/base/table.h"
#include "cli/base/text.h"
#include "cli/list/list.h"

struct row {
    const struct found *first;
    size_t sites, processes;
};

enum column {
    COLUMN_PROBE,
    COLUMN_ARGUMENTS,
    COLUMN_WATCHED,
    COLUMN_SITES,
    COLUMN_PROCESS,
    COLUMN_WHERE,
    COLUMN_PATH,
    COLUMNS
};

struct list_table {
    struct row *rows;
    size_t row_count;
    enum column shown[COLUMNS];
    size_t shown_count;
};

/* Write the arguments for people: "uint64 order, string customer"; "-" for none. */
static void write_arguments(const struct found *found, struct text *ret)
{
    struct usdt_arguments arguments;

    usdt_arguments(found->source->file->machine, found->probe, &arguments);
    for (size_t i = 0; i < arguments.count; i++) {
        const struct usdt_argument *argument = &arguments.list[i];

        text_addf(ret, "%s%s", i ? ", " : "", argument->type);
        if (argument->name)
            text_addf(ret, " %.*s", (int)argument->name_length, argument->name);
    }
    if (arguments.more)
        text_add(ret, ", ...");
    if (arguments.count == 0)
        text_add(ret, "-");
    usdt_arguments_free(&arguments);
}

/* ------------------------------------------------------------------------------ rows -- */

static bool same_arguments(const struct found *a, const struct found *b)
{
    struct text one = {0}, other = {0};
    bool same;

    if (strcmp(a->probe->operands, b->probe->operands) == 0)
        return true;
    text_clear(&one);
    text_clear(&other);
    write_arguments(a, &one);
    write_arguments(b, &other);
    same = strcmp(one.bytes, other.bytes) == 0;
    free(one.bytes);
    free(other.bytes);
    return same;
}

static bool same_row(const struct found *a, const struct found *b)
{
    return strcmp(a->probe->provider, b->probe->provider) == 0 &&
           strcmp(a->probe->name, b->probe->name) == 0 && a->watched == b->watched &&
           a->source->kind == b->source->kind && strcmp(a->source->path, b->source->path) == 0 &&
           same_arguments(a, b);
}

static void make_rows(const struct findings *findings, struct list_table *table)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct found *found = &findings->list[i];
        struct row *row = table->row_count ? &table->rows[table->row_count - 1] : NULL;

        if (!row || !same_row(row->first, found)) {
            table->rows = room_for_one(table->rows, table->row_count, sizeof(*table->rows));
            row = &table->rows[table->row_count++];
            *row = (struct row){.first = found};
        }
        row->sites += found->source->pid == row->first->source->pid;
        row->processes += found->probe->site == row->first->probe->site;
    }
}

/* ----------------------------------------------------------------------------- cells -- */

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

static void write_watched(const struct found *found, struct text *ret)
{
    if (found->watched >= 0)
        text_addf(ret, "%" PRId32, found->watched);
    else
        text_add(ret, found->watched == WATCHED_UNKNOWN ? "?" : "-");
}

static void write_cell(const void *context, size_t index, size_t column, struct text *ret)
{
    const struct list_table *table = context;
    const struct row *row = &table->rows[index];
    const struct found *found = row->first;

    switch (table->shown[column]) {
    case COLUMN_PROBE:
        text_add_shown(ret, found->probe->provider, strlen(found->probe->provider));
        text_add(ret, ":");
        text_add_shown(ret, found->probe->name, strlen(found->probe->name));
        break;
    case COLUMN_ARGUMENTS:
        write_arguments(found, ret);
        break;
    case COLUMN_WATCHED:
        write_watched(found, ret);
        break;
    case COLUMN_SITES:
        text_addf(ret, "%zu", row->sites);
        break;
    case COLUMN_PROCESS:
        write_process(row, ret);
        break;
    case COLUMN_WHERE:
        text_add(ret, source_kind_name(found->source->kind));
        break;
    case COLUMN_PATH:
        text_add_shown(ret, found->source->path, strlen(found->source->path));
        break;
    case COLUMNS:
        break;
    }
}

static bool is_watched(const void *context, size_t row)
{
    const struct list_table *table = context;

    return table->rows[row].first->watched > 0;
}

/* ----------------------------------------------------------------------------- table -- */

static void choose_columns(const struct findings *findings, struct list_table *table)
{
    bool several_sites = false, several_processes = false, in_processes = false;
    const pid_t first = findings->list[0].source->pid;

    for (size_t i = 0; i < table->row_count; i++)
        several_sites |= table->rows[i].sites > 1;
    for (size_t i = 0; i < findings->count; i++) {
        several_processes |= findings->list[i].source->pid != first;
        in_processes |= findings->list[i].source->pid != 0;
    }
    for (enum column column = 0; column < COLUMNS; column++) {
        if ((column == COLUMN_SITES && !several_sites) ||
            (column == COLUMN_PROCESS && !several_processes) ||
            (column == COLUMN_WATCHED && !in_processes))
            continue;
        table->shown[table->shown_count++] = column;
    }
}

void list_as_table(const struct findings *findings)
{
    static const struct table_column columns[COLUMNS] = {
        [COLUMN_PROBE] = {"PROBE", CUT_NEVER},     [COLUMN_ARGUMENTS] = {"ARGUMENTS", CUT_END},
        [COLUMN_WATCHED] = {"WATCHED", CUT_NEVER}, [COLUMN_SITES] = {"SITES", CUT_NEVER},
        [COLUMN_PROCESS] = {"PROCESS", CUT_END},   [COLUMN_WHERE] = {"WHERE", OWN_LINE},
        [COLUMN_PATH] = {"PATH", OWN_LINE},
    };
    struct table_column shown[COLUMNS];
    struct list_table list = {0};

    make_rows(findings, &list);
    choose_columns(findings, &list);
    for (size_t i = 0; i < list.shown_count; i++)
        shown[i] = columns[list.shown[i]];
    table_print(&(struct table){
        .columns = shown,
        .column_count = list.shown_count,
        .row_count = list.row_count,
        .context = &list,
        .cell = write_cell,
        .is_bright = is_watched,
    });
    free(list.rows);
}
