/* SPDX-License-Identifier: MIT */
/*
 * --count, --hist and --by: prints the counts as tables, histograms and JSON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/base/json.h"
#include "cli/base/table.h"
#include "cli/trace/totals.h"

#define MOST_GAP 4   /* more rows without a count than this become "..." */
#define BAR_WIDTH 40 /* without a terminal */
#define LEAST_BAR 10 /* on a narrow terminal */
#define MOST_BAR 80

/* ---------------------------------------------------------------------------- counts -- */

/* How much of the string in --by to show. */
static size_t shown_size(const struct trace_totals *totals, const struct tally *tally)
{
    return tally->name
               ? trace_shown_size(&totals->trace->bpftrace, tally->name->bytes, tally->name->size)
               : 0;
}

static void add_by(struct text *ret, const struct trace_totals *totals, const struct tally *tally)
{
    const struct trace_argument *by = totals->trace->probes[tally->probe].by;
    size_t size = shown_size(totals, tally);

    if (by->kind != TRACE_STRING) {
        trace_add_value(ret, by, tally->by);
    } else if (!tally->name) {
        text_add(ret, "?");
    } else {
        trace_add_quoted(ret, tally->name->bytes, size);
        if (size < tally->name->size)
            text_add(ret, table_has_unicode() ? "…" : "...");
    }
}

static void write_by(struct json *json, const struct trace_totals *totals,
                     const struct tally *tally)
{
    const struct trace_argument *by = totals->trace->probes[tally->probe].by;

    if (!by)
        return;
    json_open(json, "by", '{');
    if (by->kind != TRACE_STRING)
        trace_json_value(json, by->name, by, tally->by);
    else if (tally->name)
        json_bytes(json, by->name, tally->name->bytes, shown_size(totals, tally));
    else
        json_null(json, by->name);
    json_close(json, '{');
    if (tally->name && shown_size(totals, tally) < tally->name->size)
        json_bool(json, "cut", true);
}

static void write_probe(struct json *json, const struct trace_totals *totals,
                        const struct tally *tally)
{
    const struct trace_probe *probe = &totals->trace->probes[tally->probe];

    json_open(json, NULL, '{');
    json_string(json, "provider", probe->provider);
    json_string(json, "probe", probe->name);
    write_by(json, totals, tally);
}

static void write_count_cell(const void *context, size_t row, size_t column, struct text *ret)
{
    const struct trace_totals *totals = context;
    const struct tally *tally = &totals->tallies[row];
    const struct trace_probe *probe = &totals->trace->probes[tally->probe];

    if (column == 0)
        text_addf(ret, "%" PRIu64, tally->count);
    else if (column == 1)
        text_addf(ret, "%s:%s", probe->provider, probe->name);
    else if (tally->count > 0)
        add_by(ret, totals, tally);
}

static void print_counts(struct trace_totals *totals)
{
    const struct trace_options *options = &totals->trace->options;
    struct table_column columns[] = {
        {"COUNT", CUT_NEVER}, {"PROBE", CUT_END}, {options->by ? options->by : "", CUT_END}};

    trace_totals_rank(totals);
    for (size_t i = 0; options->json && i < totals->tally_count; i++) {
        struct json json = {.out = stdout};

        if (options->by && totals->tallies[i].count == 0)
            continue;
        write_probe(&json, totals, &totals->tallies[i]);
        json_number(&json, "count", totals->tallies[i].count);
        json_close(&json, '{');
        fputs("\n", stdout);
    }
    if (!options->json)
        table_print(&(struct table){.columns = columns,
                                    .column_count = options->by ? 3 : 2,
                                    .row_count = totals->tally_count,
                                    .context = totals,
                                    .cell = write_count_cell});
}

/* ----------------------------------------------------------------------- histograms -- */

/* A bar, in eighths of a column. */
static void add_bar(struct text *ret, size_t eighths)
{
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};

    for (size_t i = 0; i < eighths / 8; i++)
        text_add(ret, table_has_unicode() ? "█" : "#");
    if (table_has_unicode())
        text_add(ret, parts[eighths % 8]);
    else if (eighths > 0 && eighths < 8)
        text_add(ret, "#"); /* even the smallest count shows */
}

struct hist {
    const struct trace_argument *argument;
    const struct tally *tallies;
    size_t count;
    uint64_t most;
    size_t range_width, count_width, bar_width;
};

static void measure(struct hist *hist)
{
    struct text words = {0};
    size_t width = table_width();

    for (size_t i = 0; i < hist->count; i++) {
        text_clear(&words);
        trace_add_range(&words, hist->argument, hist->tallies[i].bucket);
        if (words.size > hist->range_width)
            hist->range_width = words.size;
        text_clear(&words);
        text_addf(&words, "%" PRIu64, hist->tallies[i].count);
        if (words.size > hist->count_width)
            hist->count_width = words.size;
        if (hist->tallies[i].count > hist->most)
            hist->most = hist->tallies[i].count;
    }
    hist->bar_width = BAR_WIDTH;
    width = width > hist->range_width + hist->count_width + 6
                ? width - hist->range_width - hist->count_width - 6
            : width ? 1
                    : 0;
    if (width > 0)
        hist->bar_width = width < LEAST_BAR ? LEAST_BAR : width > MOST_BAR ? MOST_BAR : width;
    free(words.bytes);
}

static void print_row(const struct hist *hist, int64_t bucket, uint64_t count)
{
    struct text range = {0}, bar = {0};

    text_clear(&bar);
    text_clear(&range);
    trace_add_range(&range, hist->argument, bucket);
    if (count > 0) {
        size_t eighths =
            (size_t)((double)count / (double)hist->most * 8 * (double)hist->bar_width + 0.5);

        add_bar(&bar, eighths > 0 ? eighths : 1);
    }
    printf("  %*s  %*" PRIu64 "%s%s\n", (int)hist->range_width, range.bytes, (int)hist->count_width,
           count, bar.size ? "  " : "", bar.bytes);
    free(range.bytes);
    free(bar.bytes);
}

static void print_rows(struct hist *hist)
{
    measure(hist);
    for (size_t i = 0; i < hist->count; i++) {
        int64_t bucket = hist->tallies[i].bucket;
        int64_t before = i ? hist->tallies[i - 1].bucket : bucket - 1;

        if (bucket - before - 1 > MOST_GAP)
            printf("  %*s\n", (int)hist->range_width, "...");
        for (int64_t empty = before + 1; bucket - before - 1 <= MOST_GAP && empty < bucket; empty++)
            print_row(hist, empty, 0);
        print_row(hist, bucket, hist->tallies[i].count);
    }
}

static void print_hist(const struct trace_totals *totals, const struct tally *tallies, size_t count)
{
    const struct trace_probe *probe = &totals->trace->probes[tallies->probe];
    struct hist hist = {.argument = probe->hist, .tallies = tallies, .count = count};
    struct text title = {0};
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += tallies[i].count;
    text_addf(&title, "%s:%s %s", probe->provider, probe->name, probe->hist->name);
    if (probe->by) {
        text_addf(&title, ", %s=", probe->by->name);
        add_by(&title, totals, tallies);
    }
    printf("%s%s: %" PRIu64 " hit%s\n", tallies == totals->tallies ? "" : "\n", title.bytes, sum,
           sum == 1 ? "" : "s");
    print_rows(&hist);
    free(title.bytes);
}

static void write_hist(const struct trace_totals *totals, const struct tally *tallies, size_t count)
{
    const struct trace_probe *probe = &totals->trace->probes[tallies->probe];
    struct json json = {.out = stdout};

    write_probe(&json, totals, tallies);
    json_string(&json, "hist", probe->hist->name);
    json_open(&json, "buckets", '[');
    for (size_t i = 0; i < count; i++) {
        json_open(&json, NULL, '{');
        trace_json_range(&json, probe->hist, tallies[i].bucket);
        json_number(&json, "count", tallies[i].count);
        json_close(&json, '{');
    }
    json_close(&json, '[');
    json_close(&json, '{');
    fputs("\n", stdout);
}

static void print_hists(const struct trace_totals *totals)
{
    if (totals->tally_count == 0)
        say("there were no hits");
    for (size_t from = 0, to; from < totals->tally_count; from = to) {
        for (to = from + 1;
             to < totals->tally_count &&
             trace_totals_compare_by(&totals->tallies[from], &totals->tallies[to]) == 0;)
            to++;
        if (totals->trace->options.json)
            write_hist(totals, &totals->tallies[from], to - from);
        else
            print_hist(totals, &totals->tallies[from], to - from);
    }
}

void trace_totals_print(struct trace_totals *totals)
{
    trace_totals_merge(totals);
    if (totals->trace->options.mode == TRACE_COUNT)
        print_counts(totals);
    else
        print_hists(totals);
}
