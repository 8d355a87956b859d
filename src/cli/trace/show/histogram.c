/* SPDX-License-Identifier: MIT */
/*
 * --hist: prints histograms. Each bucket is a power of two wide. The buckets of integers are
 * numbered by the bits of the magnitude, those of floats by the exponent; the sign is that of the
 * values (see bpf/program.h).
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "cli/base/command.h"
#include "cli/base/table.h"
#include "cli/trace/show/totals.h"

#define MOST_GAP 4   /* more rows without a count than this become "..." */
#define BAR_WIDTH 40 /* without a terminal */
#define LEAST_BAR 10 /* on a narrow terminal */
#define MOST_BAR 80

/* A histogram: the tallies of one probe, one value of --by, and one kind of number. */
struct histogram {
    const struct plan *plan;
    const struct tally *first; /* any of them */
    const struct tally *list;  /* those with a range */
    size_t count;
    uint64_t unreadable; /* hits whose argument could not be read */
    const struct plan_value *value;
    uint64_t most, hits;
    int range_width, count_width;
    size_t bar_width;
};

/* ---------------------------------------------------------------------------- ranges -- */

static bool is_float(const struct plan_value *value)
{
    return value->kind == VALUE_FLOAT || value->kind == VALUE_DOUBLE;
}

/* The lower limit of a bucket above 0: a power of two. */
static double float_limit(const struct plan_value *value, int64_t bucket)
{
    return ldexp(1, (int)bucket - (value->kind == VALUE_DOUBLE ? 1023 : 127));
}

/* Whether it is the bucket of the infinities and of what is not a number. */
static bool is_infinite(const struct plan_value *value, int64_t bucket)
{
    return llabs(bucket) >= (value->kind == VALUE_DOUBLE ? 0x7ff : 0xff);
}

/* 2^power: "1", "512", "1K", "8E", "16E". */
static void add_power(struct text *ret, int64_t power)
{
    text_addf(ret, "%d", 1 << (power % 10));
    if (power >= 10)
        text_add_bytes(ret, &" KMGTPE"[power / 10], 1);
}

static void add_whole_range(struct text *ret, int64_t bucket)
{
    int64_t power = llabs(bucket) - 1;

    if (bucket == 0 || llabs(bucket) == 1) {
        text_addf(ret, "%" PRId64, bucket);
        return;
    }
    text_add(ret, bucket < 0 ? "(-" : "[");
    add_power(ret, bucket < 0 ? power + 1 : power);
    text_add(ret, bucket < 0 ? ", -" : ", ");
    add_power(ret, bucket < 0 ? power : power + 1);
    text_add(ret, bucket < 0 ? "]" : ")");
}

static void add_range(struct text *ret, const struct plan_value *value, int64_t bucket)
{
    double low, high;

    if (!is_float(value)) {
        add_whole_range(ret, bucket);
        return;
    }
    low = float_limit(value, llabs(bucket));
    high = float_limit(value, llabs(bucket) + 1);
    if (bucket == 0)
        text_addf(ret, "(-%.4g, %.4g)", high, high);
    else if (is_infinite(value, bucket))
        text_add(ret, bucket < 0 ? "-inf, nan" : "inf, nan");
    else if (bucket < 0)
        text_addf(ret, "(-%.4g, -%.4g]", high, low);
    else
        text_addf(ret, "[%.4g, %.4g)", low, high);
}

static void write_whole_range(struct json *json, int64_t bucket)
{
    uint64_t low = bucket == 0 ? 0 : UINT64_C(1) << (llabs(bucket) - 1);
    uint64_t high = bucket == 0 ? 0 : low + (low - 1);

    if (bucket < 0) {
        json_signed(json, "from", high > INT64_MAX ? INT64_MIN : -(int64_t)high);
        json_signed(json, "to", (int64_t)(0 - low));
    } else {
        json_number(json, "from", low);
        json_number(json, "to", high);
    }
}

static void write_range(struct json *json, const struct plan_value *value, int64_t bucket)
{
    double low, high;

    if (!is_float(value)) {
        write_whole_range(json, bucket);
        return;
    }
    high = is_infinite(value, bucket) ? INFINITY : float_limit(value, llabs(bucket) + 1);
    low = bucket == 0                  ? -high
          : is_infinite(value, bucket) ? INFINITY
                                       : float_limit(value, llabs(bucket));
    json_double(json, "from", bucket < 0 ? -high : low);
    json_double(json, "to", bucket < 0 ? -low : high);
}

/* -------------------------------------------------------------------------- for people -- */

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

static void measure(struct histogram *hist)
{
    struct text words = {0};
    size_t taken, width = table_width();

    for (size_t i = 0; i < hist->count; i++) {
        text_clear(&words);
        add_range(&words, hist->value, hist->list[i].key.bucket);
        if ((int)words.size > hist->range_width)
            hist->range_width = (int)words.size;
        if (hist->list[i].count > hist->most)
            hist->most = hist->list[i].count;
    }
    free(words.bytes);
    hist->count_width = snprintf(NULL, 0, "%" PRIu64,
                                 hist->most > hist->unreadable ? hist->most : hist->unreadable);
    taken = (size_t)hist->range_width + (size_t)hist->count_width + 6;
    if (width == 0)
        hist->bar_width = BAR_WIDTH;
    else if (width < taken + LEAST_BAR)
        hist->bar_width = LEAST_BAR;
    else
        hist->bar_width = width - taken < MOST_BAR ? width - taken : MOST_BAR;
}

static void print_row(const struct histogram *hist, int64_t bucket, uint64_t count)
{
    struct text range = {0}, bar = {0};

    text_clear(&bar);
    text_clear(&range);
    add_range(&range, hist->value, bucket);
    if (count > 0) {
        size_t eighths =
            (size_t)((double)count / (double)hist->most * 8 * (double)hist->bar_width + 0.5);

        add_bar(&bar, eighths > 0 ? eighths : 1);
    }
    printf("  %*s  %*" PRIu64 "%s%s\n", hist->range_width, range.bytes, hist->count_width, count,
           bar.size ? "  " : "", bar.bytes);
    free(range.bytes);
    free(bar.bytes);
}

static void print_rows(struct histogram *hist)
{
    measure(hist);
    for (size_t i = 0; i < hist->count; i++) {
        int64_t bucket = hist->list[i].key.bucket;
        int64_t before = i ? hist->list[i - 1].key.bucket : bucket - 1;

        if (bucket - before - 1 > MOST_GAP)
            printf("  %*s\n", hist->range_width, "...");
        for (int64_t empty = before + 1; bucket - before - 1 <= MOST_GAP && empty < bucket; empty++)
            print_row(hist, empty, 0);
        print_row(hist, bucket, hist->list[i].count);
    }
    if (hist->unreadable > 0)
        printf("  %*s  %*" PRIu64 "\n", hist->range_width, "?", hist->count_width,
               hist->unreadable);
}

static void print_for_people(struct histogram *hist)
{
    const struct plan_probe *probe = tally_probe(hist->plan, hist->first);
    struct shown by = tally_shown(hist->plan, hist->first);
    struct text title = {0};

    show_probe(&title, probe);
    text_addf(&title, " %s", probe->arguments[probe->hist].name);
    if (probe->by >= 0) {
        text_addf(&title, ", %s=", probe->arguments[probe->by].name);
        show_value(&title, &by);
    }
    printf("%s: %" PRIu64 " hit%s\n", title.bytes, hist->hits, hist->hits == 1 ? "" : "s");
    free(title.bytes);
    print_rows(hist);
}

/* ------------------------------------------------------------------------------ JSON -- */

static void print_json(const struct histogram *hist, int64_t time)
{
    const struct plan_probe *probe = tally_probe(hist->plan, hist->first);
    struct json json = {.out = stdout};

    tally_open(&json, hist->plan, hist->first, time);
    json_string(&json, "hist", probe->arguments[probe->hist].name);
    json_open(&json, "buckets", '[');
    for (size_t i = 0; i < hist->count; i++) {
        json_open(&json, NULL, '{');
        write_range(&json, hist->value, hist->list[i].key.bucket);
        json_number(&json, "count", hist->list[i].count);
        json_close(&json, '{');
    }
    if (hist->unreadable > 0) {
        json_open(&json, NULL, '{');
        json_null(&json, "from");
        json_null(&json, "to");
        json_number(&json, "count", hist->unreadable);
        json_close(&json, '{');
    }
    json_close(&json, '[');
    json_close(&json, '{');
    fputc('\n', stdout);
}

/* ------------------------------------------------------------------------------ both -- */

/* The histogram that begins with the first tally. Gives how many tallies belong to it. */
static size_t gather(const struct plan *plan, const struct tally *list, size_t count,
                     struct histogram *ret)
{
    const struct plan_value *value = tally_hist(plan, list);
    struct histogram hist = {.plan = plan, .first = list, .list = list, .value = value};
    size_t end = 0;

    for (; end < count && totals_compare_by(plan, list, &list[end]) == 0 &&
           tally_hist(plan, &list[end])->kind == value->kind;
         end++)
        hist.hits += list[end].count;
    if (list->key.bucket == BUCKET_UNREADABLE) { /* it is the first in order */
        hist.unreadable = list->count;
        hist.list++;
    }
    hist.count = (size_t)(list + end - hist.list);
    *ret = hist;
    return end;
}

void print_histograms(const struct plan *plan, struct tallies *tallies, int64_t time)
{
    struct histogram hist;

    for (size_t from = 0; from < tallies->count;) {
        size_t count = gather(plan, &tallies->list[from], tallies->count - from, &hist);

        if (plan->options->json) {
            print_json(&hist, time);
        } else {
            fputs(from > 0 ? "\n" : "", stdout);
            print_for_people(&hist);
        }
        from += count;
    }
}
