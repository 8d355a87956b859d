/* SPDX-License-Identifier: MIT */
/*
 * --hist: prints histograms. Each bucket is a power of two wide. The buckets of integers are
 * numbered by the bits of the magnitude, those of floats by the exponent; the sign is that of the
 * values (see bpf/record.h).
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "cli/base/table.h"
#include "cli/trace/show/totals.h"

#define MOST_GAP 4   /* more rows without a count than this become "..." */
#define BAR_WIDTH 40 /* without a terminal */
#define LEAST_BAR 10 /* on a narrow terminal */
#define MOST_BAR 80

/* The tallies of a group. */
struct histogram {
    const struct plan *plan;
    FILE *out;
    const struct tally *list;
    size_t count;
    struct group group;
    uint64_t hits, readable;
    double total;       /* of what could be read */
    wide whole;         /* the same of integers, exactly */
    wide highest;       /* its key */
    bool knows_highest; /* of all hits: not of those in a round of --every */
    /* For people. */
    int range_width, count_width;
    size_t bar_width;
    uint64_t most; /* the count of the longest bar */
};

/* --------------------------------------------------------------------------------- values -- */

/* The last bucket of floats has the infinities, and what is not a number. */
static int last_bucket(const struct plan_value *value)
{
    return value->kind == VALUE_DOUBLE ? 0x7ff : 0xff;
}

/* The lower limit of a bucket of floats above 0. */
static double limit(const struct plan_value *value, int64_t bucket)
{
    return ldexp(1, (int)bucket - last_bucket(value) / 2);
}

/*
 * The sum of a bucket's floats, from that of their bits, which are the exponent above the fraction:
 * all in the bucket have the same one.
 */
static double sum_of_floats(const struct plan_value *value, const struct tally *tally)
{
    int digits = value->kind == VALUE_DOUBLE ? 52 : 23, exponent = abs(tally->key.bucket);
    int sign = tally->key.bucket < 0 ? -1 : 1;
    wide fractions = sign * tally->total - ((wide)tally->count * exponent << digits);

    if (exponent == last_bucket(value))
        return fractions == 0 ? sign * (double)INFINITY : (double)NAN;
    if (exponent > 0)
        fractions += (wide)tally->count << digits; /* each has a 1 before its fraction */
    return sign * ldexp((double)fractions,
                        (exponent > 0 ? exponent : 1) - last_bucket(value) / 2 - digits);
}

static struct histogram make(const struct plan *plan, const struct tally *list, size_t count,
                             bool knows_highest, FILE *out)
{
    struct histogram histogram = {.plan = plan,
                                  .out = out,
                                  .list = list,
                                  .count = count,
                                  .group = tally_group(plan, list),
                                  .knows_highest = knows_highest};

    for (const struct tally *tally = list; tally < list + count; tally++) {
        histogram.hits += tally->count;
        if (tally->key.bucket == BUCKET_UNREADABLE)
            continue;
        if (histogram.readable == 0 || tally->highest > histogram.highest)
            histogram.highest = tally->highest;
        histogram.readable += tally->count;
        histogram.whole += tally->total;
        if (value_is_float(histogram.group.hist))
            histogram.total += sum_of_floats(histogram.group.hist, tally);
    }
    if (!value_is_float(histogram.group.hist))
        histogram.total = (double)histogram.whole;
    histogram.knows_highest &= histogram.readable > 0;
    return histogram;
}

/* Whether the total is an integer of 64 bits. */
static bool is_long(const struct histogram *histogram)
{
    return !value_is_float(histogram->group.hist) && fabs(histogram->total) < 0x1p63;
}

/* The value that has the highest key. */
static struct shown highest_of(const struct histogram *histogram)
{
    static const struct plan_value whole = {.size = 8}, negative = {.size = 8, .is_signed = true};
    const struct plan_value *value = histogram->group.hist;
    uint64_t sign = value->kind == VALUE_FLOAT ? UINT64_C(1) << 31 : UINT64_C(1) << 63;
    wide key = histogram->highest;

    if (!value_is_float(value))
        return (struct shown){.type = key < 0 ? &negative : &whole, .bits = (uint64_t)key};
    return (struct shown){.type = value, .bits = key < 0 ? (uint64_t)-key | sign : (uint64_t)key};
}

/* ----------------------------------------------------------------------------------- JSON -- */

static void write_range(struct json *json, const struct plan_value *value, int64_t bucket)
{
    int64_t size = llabs(bucket);

    if (bucket == BUCKET_UNREADABLE) {
        json_null(json, "from");
        json_null(json, "to");
    } else if (value_is_float(value)) {
        bool is_last = size == last_bucket(value);
        double high = is_last ? INFINITY : limit(value, size + 1);
        double low = is_last ? INFINITY : bucket == 0 ? -high : limit(value, size);

        json_double(json, "from", bucket < 0 ? -high : low);
        json_double(json, "to", bucket < 0 ? -low : high);
    } else {
        uint64_t low = size > 0 ? UINT64_C(1) << (size - 1) : 0, high = low ? low + (low - 1) : 0;

        if (bucket < 0) { /* int64 ends at the last bucket's limit */
            json_signed(json, "from", size == 64 ? INT64_MIN : -(int64_t)high);
            json_signed(json, "to", (int64_t)(0 - low));
        } else {
            json_number(json, "from", low);
            json_number(json, "to", high);
        }
    }
}

/* What nothing tells is null. */
static void write_sums(struct json *json, const struct histogram *histogram)
{
    double total = histogram->total, average = total / (double)histogram->readable;
    struct shown highest = highest_of(histogram);

    highest.unreadable = !histogram->knows_highest;
    if (histogram->readable > 0)
        json_double(json, "average", average);
    else
        json_null(json, "average");
    show_json(json, "highest", &highest);
    if (histogram->readable == 0)
        json_null(json, "total");
    else if (is_long(histogram))
        json_signed(json, "total", (int64_t)histogram->whole);
    else
        json_double(json, "total", total);
}

static void print_json(const struct histogram *histogram, int64_t time)
{
    const struct plan_probe *probe = histogram->group.probe;
    struct json json = {.out = histogram->out};

    tally_open(&json, histogram->plan, histogram->list, time);
    json_string(&json, "hist", probe->arguments[probe->hist].name);
    json_number(&json, "hits", histogram->hits);
    write_sums(&json, histogram);
    json_open(&json, "buckets", '[');
    for (size_t i = 0; i < histogram->count; i++) {
        json_open(&json, NULL, '{');
        write_range(&json, histogram->group.hist, histogram->list[i].key.bucket);
        json_number(&json, "count", histogram->list[i].count);
        json_close(&json, '{');
    }
    json_close(&json, '[');
    json_close(&json, '{');
    fputc('\n', histogram->out);
}

/* ----------------------------------------------------------------------------- for people -- */

/* "1", "512", "1K", "8E", "16E"; or a float. */
static void add_limit(struct text *ret, const char *before, const struct plan_value *value,
                      int64_t bucket)
{
    static const char *const units[] = {"", "K", "M", "G", "T", "P", "E"};

    text_add(ret, before);
    if (value_is_float(value))
        text_addf(ret, "%.4g", limit(value, bucket));
    else
        text_addf(ret, "%d%s", 1 << ((bucket - 1) % 10), units[(bucket - 1) / 10]);
}

static void add_range(struct text *ret, const struct plan_value *value, int64_t bucket)
{
    int64_t size = llabs(bucket);

    if (bucket == BUCKET_UNREADABLE) {
        text_add(ret, "?");
    } else if (!value_is_float(value) && size < 2) {
        text_addf(ret, "%" PRId64, bucket);
    } else if (value_is_float(value) && size == last_bucket(value)) {
        text_add(ret, bucket < 0 ? "-inf, nan" : "inf, nan");
    } else {
        add_limit(ret, bucket > 0 ? "[" : "(-", value, bucket > 0 ? size : size + 1);
        add_limit(ret, bucket < 0 ? ", -" : ", ", value, bucket < 0 ? size : size + 1);
        text_add(ret, bucket < 0 ? "]" : ")");
    }
}

static void measure(struct histogram *histogram)
{
    struct text words = {0};
    size_t terminal = table_width(), taken;

    for (size_t i = 0; i < histogram->count; i++) {
        const struct tally *tally = &histogram->list[i];
        int digits = snprintf(NULL, 0, "%" PRIu64, tally->count), range;

        text_clear(&words);
        add_range(&words, histogram->group.hist, tally->key.bucket);
        range = (int)words.size;
        histogram->range_width = range > histogram->range_width ? range : histogram->range_width;
        histogram->count_width = digits > histogram->count_width ? digits : histogram->count_width;
        if (tally->count > histogram->most && tally->key.bucket != BUCKET_UNREADABLE)
            histogram->most = tally->count;
    }
    free(words.bytes);
    taken = (size_t)(histogram->range_width + histogram->count_width) + 6;
    histogram->bar_width = terminal == 0                  ? BAR_WIDTH
                           : terminal < taken + LEAST_BAR ? LEAST_BAR
                                                          : terminal - taken;
    if (histogram->bar_width > MOST_BAR)
        histogram->bar_width = MOST_BAR;
}

static void print_row(const struct histogram *histogram, int64_t bucket, uint64_t count)
{
    double share = (double)count / (double)histogram->most;
    size_t columns = (size_t)(share * (double)histogram->bar_width + 0.5);
    struct text range = {0};

    add_range(&range, histogram->group.hist, bucket);
    fprintf(histogram->out, "  %*s  %*" PRIu64, histogram->range_width, range.bytes,
            histogram->count_width, count);
    free(range.bytes);
    if (count > 0 && bucket != BUCKET_UNREADABLE) {
        fputs("  ", histogram->out);
        for (size_t i = 0; i < columns || i == 0; i++) /* even the smallest count shows */
            fputs(table_has_unicode() ? "█" : "#", histogram->out);
    }
    fputc('\n', histogram->out);
}

/* probe argument, by=value: 25 hits, average 1.5, highest 3, total 37 */
static void print_title(const struct histogram *histogram)
{
    const struct group *group = &histogram->group;
    double average = histogram->total / (double)histogram->readable;
    struct shown highest = highest_of(histogram);
    struct text title = {0};

    text_addf(&title, "%s %s", group->probe->title,
              group->probe->arguments[group->probe->hist].name);
    if (group->by.type) {
        text_addf(&title, ", %s=", group->probe->arguments[group->probe->by].name);
        show_value(&title, &group->by);
    }
    text_addf(&title, ": %" PRIu64 " hit%s", histogram->hits, histogram->hits == 1 ? "" : "s");
    if (histogram->readable > 0)
        text_addf(&title,
                  fabs(average) < 1000 || value_is_float(group->hist) ? ", average %.4g"
                                                                      : ", average %.0f",
                  average);
    if (histogram->knows_highest) {
        text_add(&title, ", highest ");
        show_value(&title, &highest);
    }
    if (histogram->readable > 0 && is_long(histogram))
        text_addf(&title, ", total %" PRId64, (int64_t)histogram->whole);
    else if (histogram->readable > 0)
        text_addf(&title, ", total %.6g", histogram->total);
    fprintf(histogram->out, "%s\n", title.bytes);
    free(title.bytes);
}

static void print_for_people(struct histogram *histogram)
{
    measure(histogram);
    print_title(histogram);
    for (size_t i = 0; i < histogram->count; i++) {
        const struct tally *tally = &histogram->list[i];
        int64_t bucket = tally->key.bucket;
        int64_t empty = i && bucket != BUCKET_UNREADABLE ? tally[-1].key.bucket + 1 : bucket;

        if (bucket - empty > MOST_GAP)
            fprintf(histogram->out, "  %*s\n", histogram->range_width, "...");
        else
            for (; empty < bucket; empty++)
                print_row(histogram, empty, 0);
        print_row(histogram, bucket, tally->count);
    }
}

/* ------------------------------------------------------------------------------------ all -- */

/* The largest total first; what is not a number last. */
static int compare_totals(const void *left, const void *right)
{
    const struct histogram *a = left, *b = right;
    int order = (a->total < b->total) - (a->total > b->total);

    if (order == 0)
        order = (isnan(a->total) != 0) - (isnan(b->total) != 0);
    return order ? order : (a->list > b->list) - (a->list < b->list);
}

void print_histograms(const struct plan *plan, const struct tallies *tallies, int64_t time,
                      FILE *out)
{
    struct histogram *histograms = NULL;
    size_t count = 0;

    for (size_t from = 0, to; from < tallies->count; from = to) {
        struct tally like = tallies->list[from];

        for (to = from; to < tallies->count; to++) { /* the tallies of one group */
            like.key.bucket = tallies->list[to].key.bucket;
            if (tally_compare(&like, &tallies->list[to], &plan) != 0)
                break;
        }
        APPEND(histograms, count, make(plan, &tallies->list[from], to - from, time == 0, out));
    }
    if (count > 0)
        qsort(histograms, count, sizeof(*histograms), compare_totals);
    for (size_t i = 0; i < count; i++) {
        if (plan->options->json) {
            print_json(&histograms[i], time);
        } else {
            fputs(i > 0 ? "\n" : "", out);
            print_for_people(&histograms[i]);
        }
    }
    free(histograms);
}
