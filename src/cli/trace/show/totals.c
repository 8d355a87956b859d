/* SPDX-License-Identifier: MIT */
/*
 * --count, --hist and --by: keeps counts, merges those of one group, and sorts them. A group is of
 * a probe and a value of --by, and with --hist of a bucket. Several keys may be in one: the keys of
 * variants whose operands differ, and of files that have the same probe.
 */
#include "cli/trace/show/totals.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/base/command.h"

#define MOST_BUCKET 2047 /* of a double; an integer's are up to 64 */

struct totals *totals_new(const struct plan *plan)
{
    struct totals *totals = sure(calloc(1, sizeof(*totals)));

    totals->plan = plan;
    return totals;
}

void totals_free(struct totals *totals)
{
    free(totals->now.list);
    free(totals->before.list);
    free(totals);
}

const struct plan_probe *tally_probe(const struct plan *plan, const struct tally *tally)
{
    return &plan->probes[plan->probes[plan->variants[tally->key.variant].probe].alike];
}

static const struct plan_value *value_of(const struct plan *plan, const struct count_key *key,
                                         ssize_t argument)
{
    return argument < 0 ? NULL : &plan->variants[key->variant].values[argument];
}

static const struct plan_value *tally_by(const struct plan *plan, const struct count_key *key)
{
    return value_of(plan, key, plan->probes[plan->variants[key->variant].probe].by);
}

const struct plan_value *tally_hist(const struct plan *plan, const struct tally *tally)
{
    return value_of(plan, &tally->key, plan->probes[plan->variants[tally->key.variant].probe].hist);
}

void totals_keep(struct totals *totals)
{
    free(totals->before.list);
    totals->before = totals->now;
    totals->now = (struct tallies){0};
}

/* ------------------------------------------------------------------------------ take -- */

void totals_clear(struct totals *totals)
{
    totals->now.count = 0;
}

static struct tally *add_tally(struct tallies *tallies)
{
    tallies->list = room_for_one(tallies->list, tallies->count, sizeof(*tallies->list));
    tallies->list[tallies->count] = (struct tally){.count = 0};
    return &tallies->list[tallies->count++];
}

/* One key for each value: the parts of it that mean nothing are 0. */
static struct count_key normal_key(const struct plan *plan, const struct count_key *key)
{
    const struct plan_value *by = tally_by(plan, key);
    struct count_key ret = {.variant = key->variant, .bucket = key->bucket, .state = key->state};

    if (!by || key->state != KEY_VALUE)
        return ret;
    if (by->size == 0) {
        ret.state = KEY_UNREADABLE;
    } else if (by->kind == VALUE_STRING) {
        ret.size = key->size;
        memcpy(ret.by.text, key->by.text,
               key->size < TRACE_KEY_BYTES ? key->size : TRACE_KEY_BYTES);
    } else {
        ret.by.number = key->by.number;
        if (by->size < 8 && !by->is_signed)
            ret.by.number &= (UINT64_C(1) << 8 * by->size) - 1;
        if (by->kind == VALUE_BOOL)
            ret.by.number = ret.by.number != 0;
    }
    return ret;
}

/* Whether a key is one that the programs of this plan write. */
static bool is_valid(const struct plan *plan, const struct count_key *key)
{
    const struct plan_value *by;

    if (key->variant >= plan->variant_count || key->state > KEY_UNREADABLE)
        return false;
    if (plan->options->mode == TRACE_HISTOGRAM &&
        plan->probes[plan->variants[key->variant].probe].hist < 0)
        return false;
    by = tally_by(plan, key);
    if (by && by->kind == VALUE_STRING && key->state == KEY_VALUE &&
        key->size > TRACE_KEY_BYTES + 1)
        return false;
    return key->bucket == BUCKET_UNREADABLE ||
           (key->bucket >= -MOST_BUCKET && key->bucket <= MOST_BUCKET);
}

void totals_take(void *context, const struct count_key *key, uint64_t count)
{
    struct totals *totals = context;
    struct tally *tally;

    if (count == 0 || !is_valid(totals->plan, key))
        return;
    tally = add_tally(&totals->now);
    tally->key = normal_key(totals->plan, key);
    tally->count = count;
}

/* --------------------------------------------------------------------------- compare -- */

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

/* A number that has the order of the values. */
static uint64_t ordered(const struct plan_value *value, uint64_t bits)
{
    const uint64_t sign = UINT64_C(1) << 63;

    if (value->kind == VALUE_FLOAT)
        bits <<= 32;
    if (value->kind == VALUE_FLOAT || value->kind == VALUE_DOUBLE)
        return bits & sign ? ~bits : bits | sign;
    return bits;
}

static bool is_negative(const struct plan_value *value, uint64_t bits)
{
    return value->kind == VALUE_INTEGER && value->is_signed && bits >> 63;
}

static int compare_values(const struct plan_value *left, const struct count_key *a,
                          const struct plan_value *right, const struct count_key *b)
{
    size_t size = a->size < b->size ? a->size : b->size;
    int order;

    if (left->kind != right->kind)
        return ORDER(left->kind, right->kind);
    if (left->kind == VALUE_STRING) {
        order = memcmp(a->by.text, b->by.text, size < TRACE_KEY_BYTES ? size : TRACE_KEY_BYTES);
        return order ? order : ORDER(a->size, b->size);
    }
    order = is_negative(right, b->by.number) - is_negative(left, a->by.number);
    return order ? order : ORDER(ordered(left, a->by.number), ordered(right, b->by.number));
}

int totals_compare_by(const struct plan *plan, const struct tally *a, const struct tally *b)
{
    const struct plan_probe *left = tally_probe(plan, a), *right = tally_probe(plan, b);
    const struct plan_value *by = tally_by(plan, &a->key);

    if (left != right)
        return ORDER(left, right);
    if (a->key.state != b->key.state || a->key.state != KEY_VALUE || !by)
        return ORDER(a->key.state, b->key.state);
    return compare_values(by, &a->key, tally_by(plan, &b->key), &b->key);
}

static int compare_groups(const struct plan *plan, const struct tally *a, const struct tally *b)
{
    int order = totals_compare_by(plan, a, b);
    const struct plan_value *hist = tally_hist(plan, a);

    if (order || !hist)
        return order;
    if (hist->kind != tally_hist(plan, b)->kind)
        return ORDER(hist->kind, tally_hist(plan, b)->kind);
    return ORDER(a->key.bucket, b->key.bucket);
}

/* ------------------------------------------------------------------------------ sort -- */

/* For qsort_r(); the context is the address of the plan's. */
typedef int compare(const void *left, const void *right, void *context);

static int by_group(const void *left, const void *right, void *context)
{
    return compare_groups(*(const struct plan **)context, left, right);
}

static int by_count(const void *left, const void *right, void *context)
{
    const struct tally *a = left, *b = right;

    return a->count != b->count ? ORDER(b->count, a->count) : by_group(left, right, context);
}

static void sort(const struct plan *plan, struct tallies *tallies, compare *order)
{
    if (tallies->count > 0)
        qsort_r(tallies->list, tallies->count, sizeof(*tallies->list), order, &plan);
}

void tallies_merge(const struct plan *plan, struct tallies *tallies)
{
    struct tally *list = tallies->list;
    size_t kept = 0;

    sort(plan, tallies, by_group);
    for (size_t i = 0; i < tallies->count; i++)
        if (kept > 0 && compare_groups(plan, &list[kept - 1], &list[i]) == 0)
            list[kept - 1].count += list[i].count;
        else
            list[kept++] = list[i];
    tallies->count = kept;
}

void tallies_compare(const struct plan *plan, struct tallies *now, const struct tallies *before)
{
    size_t at = 0;

    for (size_t i = 0; i < now->count; i++) {
        struct tally *tally = &now->list[i];
        int order = 1;

        while (at < before->count && (order = compare_groups(plan, &before->list[at], tally)) < 0)
            at++;
        tally->added = tally->count - (order == 0 ? before->list[at].count : 0);
    }
}

void tallies_add_unhit(const struct plan *plan, struct tallies *tallies)
{
    bool *hit = sure(calloc(plan->probe_count + 1, sizeof(*hit)));

    for (size_t i = 0; i < tallies->count; i++)
        hit[tally_probe(plan, &tallies->list[i]) - plan->probes] = true;
    for (size_t i = 0; i < plan->variant_count; i++) {
        size_t alike = plan->probes[plan->variants[i].probe].alike;

        if (!hit[alike])
            add_tally(tallies)->key.variant = (uint32_t)i;
        hit[alike] = true;
    }
    free(hit);
}

void tallies_rank(const struct plan *plan, struct tallies *tallies)
{
    sort(plan, tallies, by_count);
}

/* ----------------------------------------------------------------------------- print -- */

struct shown tally_shown(const struct plan *plan, const struct tally *tally)
{
    const struct count_key *key = &tally->key;
    bool cut = key->size > TRACE_KEY_BYTES;

    return (struct shown){
        .type = tally_by(plan, key),
        .unreadable = key->state == KEY_UNREADABLE,
        .null = key->state == KEY_NULL,
        .bits = key->by.number,
        .string = {key->by.text, key->size - cut, cut},
    };
}

void tally_open(struct json *json, const struct plan *plan, const struct tally *tally, int64_t time)
{
    const struct plan_probe *probe = tally_probe(plan, tally);
    struct shown by = tally_shown(plan, tally);

    json_open(json, NULL, '{');
    if (time)
        json_signed(json, "time", time);
    json_string(json, "provider", probe->provider);
    json_string(json, "probe", probe->name);
    if (!by.type)
        return;
    json_open(json, "by", '{');
    show_json(json, probe->arguments[probe->by].name, &by);
    json_close(json, '{');
    if (by.string.cut)
        json_bool(json, "cut", true);
    if (by.unreadable)
        json_bool(json, "unreadable", true);
}

void totals_show(struct totals *totals, struct tallies *tallies, int64_t time)
{
    if (tallies->count == 0 && (time || totals->plan->options->mode == TRACE_HISTOGRAM)) {
        if (time && !totals->plan->options->json)
            puts("no hits");
        else if (!time)
            say("there were no hits");
        return;
    }
    (totals->plan->options->mode == TRACE_HISTOGRAM ? print_histograms
                                                    : print_counts)(totals->plan, tallies, time);
}

/* A line above a table for people: the time of day, or what it is. */
static void print_heading(struct totals *totals, const char *words)
{
    if (!totals->plan->options->json)
        printf("%s%s\n", totals->headed ? "\n" : "", words);
    totals->headed = true;
}

void totals_print(struct totals *totals)
{
    totals_erase(totals);
    tallies_merge(totals->plan, &totals->now);
    if (totals->headed)
        print_heading(totals, "in all");
    totals_show(totals, &totals->now, 0);
}

void totals_print_change(struct totals *totals)
{
    struct tallies change = {0};
    struct timespec time;
    struct tm parts;
    char words[16];

    clock_gettime(CLOCK_REALTIME, &time);
    tallies_merge(totals->plan, &totals->now);
    tallies_compare(totals->plan, &totals->now, &totals->before);
    for (size_t i = 0; i < totals->now.count; i++)
        if (totals->now.list[i].added > 0)
            *add_tally(&change) =
                (struct tally){.key = totals->now.list[i].key, .count = totals->now.list[i].added};
    localtime_r(&time.tv_sec, &parts);
    strftime(words, sizeof(words), "%H:%M:%S", &parts);
    print_heading(totals, words);
    totals_show(totals, &change, (int64_t)time.tv_sec * 1000000000 + time.tv_nsec);
    free(change.list);
    totals_keep(totals);
}
