/* SPDX-License-Identifier: MIT */
/*
 * --count, --hist and --by: keeps the counts from bpftrace's maps, and sorts them.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/trace/totals.h"

#define MOST_KEYS 65536 /* the size of a map; trace_variables() sets it */

struct trace_totals *trace_totals_new(struct trace *trace)
{
    struct trace_totals *totals = sure(calloc(1, sizeof(*totals)));

    totals->trace = trace;
    return totals;
}

void trace_totals_free(struct trace_totals *totals)
{
    for (size_t i = 0; i < totals->name_count; i++) {
        free(totals->names[i]->bytes);
        free(totals->names[i]);
    }
    free(totals->names);
    free(totals->tallies);
    free(totals);
}

/* ------------------------------------------------------------------------------ take -- */

static void take_name(struct trace_totals *totals, const struct trace_record *record)
{
    struct name *name = sure(malloc(sizeof(*name)));

    *name = (struct name){totals->trace->probes[record->probe].alike, record->number,
                          sure(malloc(record->size + 1)), record->size};
    memcpy(name->bytes, record->bytes, record->size);
    totals->names = room_for_one(totals->names, totals->name_count, sizeof(void *));
    totals->names[totals->name_count++] = name;
}

static void take_entry(struct trace_totals *totals, size_t number, const struct trace_entry *entry)
{
    const struct trace_probe *probe = &totals->trace->probes[number];
    struct tally tally = {.probe = probe->alike, .count = entry->count};
    size_t at = 0;

    if (entry->key_count != (size_t)(probe->by != NULL) + (probe->hist != NULL))
        return;
    if (probe->by)
        tally.by = probe->by->kind == TRACE_STRING
                       ? (uint64_t)entry->keys[at++]
                       : trace_bits_of_key(probe->by, entry->keys[at++]);
    if (probe->hist)
        tally.bucket = trace_bucket(probe->hist, entry->keys[at]);
    if (llabs(tally.bucket) > 2048)
        return;
    totals->tallies = room_for_one(totals->tallies, totals->tally_count, sizeof(*totals->tallies));
    totals->tallies[totals->tally_count++] = tally;
}

void trace_totals_take(struct trace_totals *totals, struct trace_record *record)
{
    struct trace_entry entry;
    size_t entries = 0;

    if (record->probe >= totals->trace->probe_count)
        return;
    if (record->line == LINE_NAME)
        take_name(totals, record);
    if (record->line != LINE_MAP || (record->map != 'c' && record->map != 'h'))
        return;
    for (; trace_record_entry(record, &entry); entries++)
        take_entry(totals, record->probe, &entry);
    if (entries >= MOST_KEYS)
        say("%s:%s: only the first %d values are counted",
            totals->trace->probes[record->probe].provider,
            totals->trace->probes[record->probe].name, MOST_KEYS);
}

/* ----------------------------------------------------------------------------- merge -- */

static int compare_names(const void *left, const void *right)
{
    const struct name *const *a = left, *const *b = right;

    if ((*a)->probe != (*b)->probe)
        return (*a)->probe > (*b)->probe ? 1 : -1;
    return ((*a)->number > (*b)->number) - ((*a)->number < (*b)->number);
}

static const struct name *find_name(const struct trace_totals *totals, const struct tally *tally)
{
    struct name wanted = {.probe = tally->probe, .number = tally->by};
    struct name *key = &wanted, **found;

    found = totals->name_count
                ? bsearch(&key, totals->names, totals->name_count, sizeof(void *), compare_names)
                : NULL;
    return found ? *found : NULL;
}

static int compare_bytes(const struct name *a, const struct name *b)
{
    size_t size = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->bytes, b->bytes, size);

    return order ? order : (a->size > b->size) - (a->size < b->size);
}

int trace_totals_compare_by(const struct tally *a, const struct tally *b)
{
    if (a->probe != b->probe)
        return a->probe > b->probe ? 1 : -1;
    if (a->name && b->name)
        return compare_bytes(a->name, b->name);
    if (a->name || b->name)
        return a->name ? -1 : 1;
    return (a->by > b->by) - (a->by < b->by);
}

static int compare_groups(const void *left, const void *right)
{
    const struct tally *a = left, *b = right;
    int order = trace_totals_compare_by(a, b);

    return order ? order : (a->bucket > b->bucket) - (a->bucket < b->bucket);
}

static int compare_counts(const void *left, const void *right)
{
    const struct tally *a = left, *b = right;

    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return compare_groups(left, right);
}

/*
 * Merge tallies. A string has several numbers if several CPUs saw it first, and 0 and -0 have the
 * same bucket.
 */
void trace_totals_merge(struct trace_totals *totals)
{
    size_t kept = 0;

    if (totals->name_count > 0)
        qsort(totals->names, totals->name_count, sizeof(void *), compare_names);
    for (size_t i = 0; i < totals->tally_count; i++) {
        struct tally *tally = &totals->tallies[i];
        const struct trace_argument *by = totals->trace->probes[tally->probe].by;

        if (by && by->kind == TRACE_STRING)
            tally->name = find_name(totals, tally);
        if (by && by->kind == TRACE_STRING && !tally->name)
            tally->by = 0; /* strings whose records were lost are one group */
    }
    if (totals->tally_count > 0)
        qsort(totals->tallies, totals->tally_count, sizeof(*totals->tallies), compare_groups);
    for (size_t i = 0; i < totals->tally_count; i++) {
        if (kept > 0 && compare_groups(&totals->tallies[kept - 1], &totals->tallies[i]) == 0)
            totals->tallies[kept - 1].count += totals->tallies[i].count;
        else
            totals->tallies[kept++] = totals->tallies[i];
    }
    totals->tally_count = kept;
}

/* A probe without a hit has no map; its count is 0. */
static void add_unhit(struct trace_totals *totals)
{
    for (size_t i = 0; i < totals->trace->probe_count; i++) {
        size_t at = 0;

        if (totals->trace->probes[i].alike != i)
            continue;
        while (at < totals->tally_count && totals->tallies[at].probe != i)
            at++;
        if (at < totals->tally_count)
            continue;
        totals->tallies =
            room_for_one(totals->tallies, totals->tally_count, sizeof(*totals->tallies));
        totals->tallies[totals->tally_count++] = (struct tally){.probe = i};
    }
}

void trace_totals_rank(struct trace_totals *totals)
{
    add_unhit(totals);
    qsort(totals->tallies, totals->tally_count, sizeof(*totals->tallies), compare_counts);
}
