/* SPDX-License-Identifier: MIT */
/*
 * --count, --hist and --by: keeps counts, merges those of one group, sorts and prints them. A group
 * is of a probe and a value of --by. Several keys may be in one: the keys of variants whose
 * operands differ, and of files that have the same probe.
 */
#include "cli/trace/show/totals.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/base/table.h"
#include "cli/base/text.h"

struct totals {
    const struct plan *plan;
    FILE *out;
    struct tallies tallies;
    bool headed;   /* a change was printed: an empty line comes before the next one */
    int64_t drawn; /* --top: when, in milliseconds; 0: never */
    size_t lines;  /* of what was drawn */
};

struct totals *totals_new(const struct plan *plan, FILE *out)
{
    struct totals *totals = sure(calloc(1, sizeof(*totals)));

    totals->plan = plan;
    totals->out = out;
    return totals;
}

void totals_free(struct totals *totals)
{
    if (totals)
        free(totals->tallies.list);
    free(totals);
}

/* -------------------------------------------------------------------------------- tallies -- */

void totals_clear(struct totals *totals)
{
    for (size_t i = 0; i < totals->tallies.count; i++) {
        struct tally *tally = &totals->tallies.list[i];

        *tally =
            (struct tally){.key = tally->key, .before = tally->count, .total_before = tally->total};
    }
}

struct group tally_group(const struct plan *plan, const struct tally *tally)
{
    const struct count_key *key = &tally->key;
    const struct plan_variant *variant = &plan->variants[key->variant];
    const struct plan_probe *probe = &plan->probes[plan->probes[variant->probe].alike];
    const struct plan_value *by = probe->by < 0 ? NULL : &variant->values[probe->by];
    bool cut = by && by->kind == VALUE_STRING && key->size > TRACE_KEY_BYTES;

    return (struct group){
        .probe = probe,
        .hist = probe->hist < 0 ? NULL : &variant->values[probe->hist],
        .by = {.type = by,
               .unreadable = key->state == KEY_UNREADABLE || (by && by->size == 0),
               .null = key->state == KEY_NULL,
               .bits = by && by->kind == VALUE_BOOL ? key->by.number != 0 : key->by.number,
               .string = {key->by.text, key->size - cut, cut}},
    };
}

/* Whether a tally is one that the programs of this plan may count. */
static bool is_valid(const struct plan *plan, const struct tally *tally)
{
    const struct count_key *key = &tally->key;
    const struct plan_value *hist;
    int most;

    if (key->variant >= plan->variant_count || key->state > KEY_UNREADABLE ||
        key->size > TRACE_KEY_BYTES + 1)
        return false;
    hist = tally_group(plan, tally).hist;
    if (plan->options->mode == TRACE_COUNT || !hist)
        return plan->options->mode == TRACE_COUNT;
    most = hist->kind == VALUE_DOUBLE ? 0x7ff : hist->kind == VALUE_FLOAT ? 0xff : 64;
    return key->bucket == BUCKET_UNREADABLE || (key->bucket >= -most && key->bucket <= most);
}

void totals_take(void *context, const struct count_key *key, const struct count_sum *sum)
{
    struct totals *totals = context;
    struct tally tally = {.key = *key, .count = sum->count, .highest = sum->highest};
    const struct plan_value *hist;

    if (sum->count == 0 || !is_valid(totals->plan, &tally))
        return;
    hist = tally_group(totals->plan, &tally).hist;
    tally.total = key->bucket < 0 ? -sum->magnitudes : sum->magnitudes;
    if (hist && (hist->is_signed || value_is_float(hist)))
        tally.highest = (int64_t)(sum->highest ^ (uint64_t)INT64_MIN);
    APPEND(totals->tallies.list, totals->tallies.count, tally);
}

static bool is_negative(const struct shown *shown)
{
    bool sign = shown->bits >> (shown->type->kind == VALUE_FLOAT ? 31 : 63) & 1;

    return sign && (shown->type->is_signed || value_is_float(shown->type));
}

static int compare_values(const struct shown *a, const struct shown *b)
{
    const struct event_string *left = &a->string, *right = &b->string;
    bool negative = is_negative(a);
    int order;

    if (a->type->kind != b->type->kind)
        return compare_numbers(a->type->kind, b->type->kind);
    if (a->type->kind == VALUE_STRING) {
        order =
            memcmp(left->bytes, right->bytes, left->size < right->size ? left->size : right->size);
        return order ? order : compare_numbers(left->size + left->cut, right->size + right->cut);
    }
    if (negative != is_negative(b))
        return negative ? -1 : 1;
    order = compare_numbers(a->bits, b->bits);
    return negative && value_is_float(a->type) ? -order : order;
}

int tally_compare(const void *left, const void *right, void *context)
{
    const struct plan *plan = *(const struct plan **)context;
    const struct tally *a = left, *b = right;
    struct group one = tally_group(plan, a), other = tally_group(plan, b);
    int order = compare_numbers((uintptr_t)one.probe, (uintptr_t)other.probe);

    if (!order)
        order = compare_numbers(2 * one.by.unreadable + one.by.null,
                                2 * other.by.unreadable + other.by.null);
    if (!order && one.by.type && !one.by.unreadable && !one.by.null)
        order = compare_values(&one.by, &other.by);
    if (!order && one.hist && other.hist)
        order = compare_numbers(one.hist->kind, other.hist->kind);
    /* BUCKET_UNREADABLE, the least, becomes the highest. */
    return order ? order
                 : compare_numbers((uint32_t)a->key.bucket + INT32_MAX,
                                   (uint32_t)b->key.bucket + INT32_MAX);
}

static int compare_counts(const void *left, const void *right, void *context)
{
    const struct tally *a = left, *b = right;
    int order = compare_numbers(b->count, a->count);

    return order ? order : tally_compare(left, right, context);
}

static void sort(const struct plan *plan, struct tallies *tallies,
                 int (*compare)(const void *, const void *, void *))
{
    if (tallies->count > 0)
        qsort_r(tallies->list, tallies->count, sizeof(*tallies->list), compare, &plan);
}

static void add(struct tally *sum, const struct tally *tally)
{
    if (sum->count == 0 || (tally->count > 0 && tally->highest > sum->highest))
        sum->highest = tally->highest;
    sum->count += tally->count;
    sum->before += tally->before;
    sum->total += tally->total;
    sum->total_before += tally->total_before;
}

/* Make one tally of those of a group and bucket, in this round and in the one before. */
static void merge(struct totals *totals)
{
    struct tally *list = totals->tallies.list;
    size_t kept = 0;

    sort(totals->plan, &totals->tallies, tally_compare);
    for (size_t i = 0; i < totals->tallies.count; i++) {
        if (kept > 0 && tally_compare(&list[kept - 1], &list[i], &totals->plan) == 0) {
            add(&list[kept - 1], &list[i]);
            continue;
        }
        kept -= kept > 0 && list[kept - 1].count == 0;
        list[kept++] = list[i];
    }
    totals->tallies.count = kept - (kept > 0 && list[kept - 1].count == 0);
}

/* ----------------------------------------------------------------------------------- counts -- */

void tally_open(struct json *json, const struct plan *plan, const struct tally *tally, int64_t time)
{
    struct group group = tally_group(plan, tally);

    json_open(json, NULL, '{');
    if (time)
        json_signed(json, "time", time);
    json_string(json, "provider", group.probe->provider);
    json_string(json, "probe", group.probe->name);
    if (!group.by.type)
        return;
    json_open(json, "by", '{');
    show_json(json, group.probe->arguments[group.probe->by].name, &group.by);
    json_close(json, '{');
    if (group.by.string.cut)
        json_bool(json, "cut", true);
    if (group.by.unreadable)
        json_bool(json, "unreadable", true);
}

/* How many hits each probe of the plan has. */
static uint64_t *sum_of_probes(const struct plan *plan, const struct tallies *tallies)
{
    uint64_t *sums = sure(calloc(plan->probe_count + 1, sizeof(*sums)));

    for (size_t i = 0; i < tallies->count; i++)
        sums[tally_group(plan, &tallies->list[i]).probe - plan->probes] += tallies->list[i].count;
    return sums;
}

/*
 * The first `count` of the tallies. `seconds` since the last round; 0: there was none; below 0:
 * without rates.
 */
static void print_table(const struct totals *totals, const struct tallies *tallies, size_t count,
                        double seconds)
{
    const struct plan *plan = totals->plan;
    const char *by = plan->options->by;
    uint64_t *sums = sum_of_probes(plan, tallies);
    const struct table_column columns[] = {{CUT_NEVER, false},
                                           {CUT_NEVER, seconds < 0},
                                           {CUT_NEVER, !by},
                                           {CUT_END, false},
                                           {CUT_END, !by}};
    struct table table = {.columns = columns,
                          .column_count = sizeof(columns) / sizeof(columns[0]),
                          .out = totals->out};

    text_addf(&table.rows, TABLE_TITLES "COUNT\tPER SECOND\tSHARE\tPROBE\t%s\n", by ? by : "");
    for (const struct tally *tally = tallies->list; tally < tallies->list + count; tally++) {
        struct group group = tally_group(plan, tally);
        double added = (double)(tally->count - tally->before);

        text_addf(&table.rows, TABLE_PLAIN "%" PRIu64 "\t%.0f\t", tally->count,
                  seconds > 0 ? added / seconds : 0);
        if (tally->count > 0)
            text_addf(&table.rows, "%.1f%%",
                      100.0 * (double)tally->count / (double)sums[group.probe - plan->probes]);
        text_addf(&table.rows, "\t%s\t", group.probe->title);
        if (by && tally->count > 0)
            show_value(&table.rows, &group.by);
        text_add(&table.rows, "\n");
    }
    table_print(&table);
    free(sums);
}

static void add_unhit(const struct plan *plan, struct tallies *tallies)
{
    for (size_t i = 0; i < plan->variant_count; i++) {
        const struct tally none = {.key.variant = (uint32_t)i};
        const struct plan_probe *probe = tally_group(plan, &none).probe;
        size_t j = 0;

        while (j < tallies->count && tally_group(plan, &tallies->list[j]).probe != probe)
            j++;
        if (j == tallies->count)
            APPEND(tallies->list, tallies->count, none);
    }
}

static void print_counts(const struct totals *totals, struct tallies *tallies, int64_t time)
{
    const struct plan *plan = totals->plan;

    if (!time)
        add_unhit(plan, tallies);
    sort(plan, tallies, compare_counts);
    if (!plan->options->json)
        print_table(totals, tallies, tallies->count, -1);
    for (size_t i = 0; plan->options->json && i < tallies->count; i++) {
        struct json json = {.out = totals->out};

        if (plan->options->by && tallies->list[i].count == 0)
            continue;
        tally_open(&json, plan, &tallies->list[i], time);
        json_number(&json, "count", tallies->list[i].count);
        json_close(&json, '{');
        fputc('\n', totals->out);
    }
}

static void print(const struct totals *totals, struct tallies *tallies, int64_t time)
{
    if (totals->plan->options->mode == TRACE_COUNT && (tallies->count > 0 || !time))
        print_counts(totals, tallies, time);
    else if (tallies->count > 0)
        print_histograms(totals->plan, tallies, time, totals->out);
    else if (!time)
        say("there were no hits");
    else if (!totals->plan->options->json)
        fputs("no hits\n", totals->out);
}

/* A line above a table for people: the time of day, or what it is. */
static void print_heading(struct totals *totals, const char *words)
{
    if (!totals->plan->options->json)
        fprintf(totals->out, "%s%s\n", totals->headed ? "\n" : "", words);
    totals->headed = true;
}

/* Remove the table that totals_draw() has drawn. */
static void erase(struct totals *totals)
{
    if (totals->lines > 0)
        fprintf(totals->out, "\r\033[%zuA\033[J", totals->lines);
    totals->lines = 0;
}

void totals_print(struct totals *totals)
{
    erase(totals);
    merge(totals);
    if (totals->headed)
        print_heading(totals, "in all");
    print(totals, &totals->tallies, 0);
}

void totals_print_change(struct totals *totals)
{
    struct tallies change = {0};
    struct timespec time;
    struct tm parts;
    char words[16];

    clock_gettime(CLOCK_REALTIME, &time);
    localtime_r(&time.tv_sec, &parts);
    strftime(words, sizeof(words), "%H:%M:%S", &parts);
    merge(totals);
    for (size_t i = 0; i < totals->tallies.count; i++) {
        const struct tally *tally = &totals->tallies.list[i];

        if (tally->count > tally->before)
            APPEND(change.list, change.count,
                   (struct tally){.key = tally->key,
                                  .count = tally->count - tally->before,
                                  .total = tally->total - tally->total_before});
    }
    print_heading(totals, words);
    print(totals, &change, (int64_t)time.tv_sec * 1000000000 + time.tv_nsec);
    free(change.list);
}

/* Draw in the place of the last table. What was on the terminal before that stays. */
void totals_draw(struct totals *totals)
{
    struct tallies *tallies = &totals->tallies;
    int64_t now = milliseconds();
    double seconds = totals->drawn ? (double)(now - totals->drawn) / 1000 : 0;
    struct winsize size;
    size_t most = 23, count; /* most: lines above the cursor's; two where there is room for fewer */
    bool more;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0)
        most = size.ws_row > 3 ? size.ws_row - 1 : 2;
    erase(totals);
    merge(totals);
    sort(totals->plan, tallies, compare_counts);
    more = tallies->count >= most && most > 2;
    count = tallies->count < most ? tallies->count : most - 1 - more;
    print_table(totals, tallies, count, seconds);
    if (more)
        fprintf(totals->out, "and %zu more\n", tallies->count - count);
    totals->lines = 1 + count + more;
    totals->drawn = now;
}
