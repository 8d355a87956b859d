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

/* "1", "512", "1K", "8E", "16E"; or a float. */
static void add_limit(struct text *ret, const char *before, const struct plan_value *value,
                      int64_t bucket)
{
    static const char *const units[] = {"", "K", "M", "G", "T", "P", "E"};

    text_add(ret, before);
    if (is_float(value))
        text_addf(ret, "%.4g", limit(value, bucket));
    else
        text_addf(ret, "%d%s", 1 << ((bucket - 1) % 10), units[(bucket - 1) / 10]);
}

static void add_range(struct text *ret, const struct plan_value *value, int64_t bucket)
{
    int64_t size = llabs(bucket);

    if (bucket == BUCKET_UNREADABLE) {
        text_add(ret, "?");
    } else if (!is_float(value) && size < 2) {
        text_addf(ret, "%" PRId64, bucket);
    } else if (is_float(value) && size == last_bucket(value)) {
        text_add(ret, bucket < 0 ? "-inf, nan" : "inf, nan");
    } else {
        add_limit(ret, bucket > 0 ? "[" : "(-", value, bucket > 0 ? size : size + 1);
        add_limit(ret, bucket < 0 ? ", -" : ", ", value, bucket < 0 ? size : size + 1);
        text_add(ret, bucket < 0 ? "]" : ")");
    }
}

static void write_range(struct json *json, const struct plan_value *value, int64_t bucket)
{
    int64_t size = llabs(bucket);

    if (bucket == BUCKET_UNREADABLE) {
        json_null(json, "from");
        json_null(json, "to");
    } else if (is_float(value)) {
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

static void print_json(const struct plan *plan, const struct tally *list, size_t count,
                       int64_t time)
{
    struct group group = tally_group(plan, list);
    struct json json = {.out = stdout};

    tally_open(&json, plan, list, time);
    json_string(&json, "hist", group.probe->arguments[group.probe->hist].name);
    json_open(&json, "buckets", '[');
    for (size_t i = 0; i < count; i++) {
        json_open(&json, NULL, '{');
        write_range(&json, group.hist, list[i].key.bucket);
        json_number(&json, "count", list[i].count);
        json_close(&json, '{');
    }
    json_close(&json, '[');
    json_close(&json, '{');
    fputc('\n', stdout);
}

struct widths {
    int range, count;
    size_t bar;
    uint64_t most, hits; /* most: the count of the longest bar */
};

static struct widths measure(const struct plan_value *value, const struct tally *list, size_t count)
{
    struct widths widths = {0};
    struct text words = {0};
    size_t terminal = table_width(), taken;

    for (size_t i = 0; i < count; i++) {
        int digits = snprintf(NULL, 0, "%" PRIu64, list[i].count);

        text_clear(&words);
        add_range(&words, value, list[i].key.bucket);
        widths.range = (int)words.size > widths.range ? (int)words.size : widths.range;
        widths.count = digits > widths.count ? digits : widths.count;
        widths.hits += list[i].count;
        if (list[i].count > widths.most && list[i].key.bucket != BUCKET_UNREADABLE)
            widths.most = list[i].count;
    }
    free(words.bytes);
    taken = (size_t)(widths.range + widths.count) + 6;
    widths.bar = terminal == 0                  ? BAR_WIDTH
                 : terminal < taken + LEAST_BAR ? LEAST_BAR
                                                : terminal - taken;
    widths.bar = widths.bar < MOST_BAR ? widths.bar : MOST_BAR;
    return widths;
}

/* Even the smallest count shows. */
static void print_bar(const struct widths *widths, uint64_t count)
{
    double share = (double)count / (double)widths->most;
    size_t columns = (size_t)(share * (double)widths->bar + 0.5);

    printf("  ");
    for (size_t i = 0; i < columns || i == 0; i++)
        printf("%s", table_has_unicode() ? "█" : "#");
}

static void print_row(const struct widths *widths, const struct plan_value *value, int64_t bucket,
                      uint64_t count)
{
    struct text range = {0};

    add_range(&range, value, bucket);
    printf("  %*s  %*" PRIu64, widths->range, range.bytes, widths->count, count);
    if (count > 0 && bucket != BUCKET_UNREADABLE)
        print_bar(widths, count);
    putchar('\n');
    free(range.bytes);
}

static void print_for_people(const struct plan *plan, const struct tally *list, size_t count)
{
    struct group group = tally_group(plan, list);
    struct widths widths = measure(group.hist, list, count);
    struct text title = {0};

    show_probe(&title, group.probe);
    text_addf(&title, " %s", group.probe->arguments[group.probe->hist].name);
    if (group.by.type) {
        text_addf(&title, ", %s=", group.probe->arguments[group.probe->by].name);
        show_value(&title, &group.by);
    }
    printf("%s: %" PRIu64 " hit%s\n", title.bytes, widths.hits, widths.hits == 1 ? "" : "s");
    free(title.bytes);
    for (size_t i = 0; i < count; i++) {
        int64_t bucket = list[i].key.bucket;
        int64_t empty = i && bucket != BUCKET_UNREADABLE ? list[i - 1].key.bucket + 1 : bucket;

        if (bucket - empty > MOST_GAP)
            printf("  %*s\n", widths.range, "...");
        else
            for (; empty < bucket; empty++)
                print_row(&widths, group.hist, empty, 0);
        print_row(&widths, group.hist, bucket, list[i].count);
    }
}

void print_histograms(const struct plan *plan, const struct tallies *tallies, int64_t time)
{
    for (size_t from = 0, to; from < tallies->count; from = to) {
        const struct tally *list = &tallies->list[from];
        struct tally like = *list;

        for (to = from; to < tallies->count; to++) { /* the tallies of one group */
            like.key.bucket = tallies->list[to].key.bucket;
            if (tally_compare(&like, &tallies->list[to], &plan) != 0)
                break;
        }
        if (plan->options->json) {
            print_json(plan, list, to - from, time);
        } else {
            printf("%s", from > 0 ? "\n" : "");
            print_for_people(plan, list, to - from);
        }
    }
}
