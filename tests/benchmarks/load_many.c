/* SPDX-License-Identifier: MIT */
/*
 * The load benchmark: how long it takes to declare and load many probes, and how much memory they
 * need. A process loads once, so that each starts with a fresh heap.
 */
#include "load_many.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "find_site.h"
#include "resident_memory.h"

#define CYCLES 5

static size_t provider_count, probe_count;
static bool bare;
static void **providers;
static void **last; /* the last probe of each provider */

enum bench_outcome bench_load_prepare(const char *arg)
{
    if (sscanf(arg, "%zu %zu", &provider_count, &probe_count) != 2)
        return bench_say(BENCH_FAIL, "\"%s\" is not \"PROVIDERS PROBES\"", arg);
    bare = strstr(arg, " bare") != NULL;
    providers = calloc(provider_count, sizeof(providers[0]));
    last = calloc(provider_count, sizeof(last[0]));
    return providers && last ? BENCH_OK : bench_say(BENCH_FAIL, "no memory");
}

static enum bench_outcome add_all(void)
{
    char name[32];

    for (size_t i = 0; i < provider_count; i++) {
        snprintf(name, sizeof(name), "bench%zu", i);
        providers[i] = bench_library.provider(name);
        for (size_t j = 0; j < probe_count; j++) {
            snprintf(name, sizeof(name), "probe%06zu", j);
            last[i] = bench_library.add(providers[i], name, bare);
            if (!last[i])
                return bench_say(BENCH_FAIL, "%s", bench_library.error());
        }
    }
    return BENCH_OK;
}

static enum bench_outcome each(bool (*act)(void *provider))
{
    for (size_t i = 0; i < provider_count; i++)
        if (!act(providers[i]))
            return bench_say(BENCH_FAIL, "%s", bench_library.error());
    return BENCH_OK;
}

/* Check that all probes are in the images, and measure the memory. */
static enum bench_outcome weigh(void)
{
    struct bench_image all = {.notes = 0};

    for (size_t i = 0; i < provider_count; i++) {
        const char *path = bench_library.path(last[i]);
        struct bench_image image;
        const char *wrong = path ? bench_image_read(path, &image) : "not loaded";

        if (wrong)
            return bench_say(BENCH_FAIL, "provider %zu: %s", i, wrong);
        if (image.notes != probe_count)
            return bench_say(BENCH_FAIL, "the image has %llu notes, not %zu",
                             (unsigned long long)image.notes, probe_count);
        all.size += image.size;
        all.allocated += image.allocated;
        all.contents += image.contents;
    }
    bench_answer("image_size", (double)all.size);
    bench_answer("image_allocated", (double)all.allocated);
    bench_answer("image_contents", (double)all.contents);
    return BENCH_OK;
}

static int by_value(const void *left, const void *right)
{
    const double *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

static enum bench_outcome cycle(void)
{
    double times[CYCLES];

    for (size_t i = 0; i < CYCLES; i++) {
        uint64_t start = bench_now();

        if (each(bench_library.unload) != BENCH_OK || each(bench_library.load) != BENCH_OK)
            return BENCH_FAIL;
        times[i] = (double)(bench_now() - start);
    }
    qsort(times, CYCLES, sizeof(times[0]), by_value);
    bench_answer("cycle_ns", times[CYCLES / 2]);
    return BENCH_OK;
}

static void free_all(void)
{
    for (size_t i = 0; i < provider_count; i++)
        bench_library.free(providers[i]);
}

enum bench_outcome bench_add_measure(void)
{
    uint64_t start = bench_now();
    enum bench_outcome outcome = add_all();

    bench_answer("ns", (double)(bench_now() - start) / (double)(provider_count * probe_count));
    free_all();
    return outcome;
}

enum bench_outcome bench_load_measure(void)
{
    uint64_t rss = bench_rss(), start = bench_now(), added, loaded, freed;
    enum bench_outcome outcome = add_all();

    added = bench_now();
    if (outcome == BENCH_OK)
        outcome = each(bench_library.load);
    loaded = bench_now();
    if (outcome != BENCH_OK)
        return outcome;
    bench_answer("add_ns", (double)(added - start));
    bench_answer("load_ns", (double)(loaded - added));
    rss = bench_rss() - rss;
    bench_answer("rss", (double)rss);
    outcome = weigh();
    if (outcome == BENCH_OK)
        outcome = cycle();
    start = bench_now();
    free_all();
    freed = bench_now();
    bench_answer("free_ns", (double)(freed - start));
    return outcome;
}
