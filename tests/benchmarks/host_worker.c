/* SPDX-License-Identifier: MIT */
/*
 * The worker with an interpreter of examples/embedding: a script does in a loop what the probes are
 * about. It is built twice, with the probes and, by no_probes.h, without.
 */
#include "host.h"

#include <stdio.h>
#include <string.h>

#include "attach_uprobe.h"

#define CHECKS 1000

static char word[16];           /* what the script does in its loop */
static enum host_event event;   /* what that is for the host */
static uint64_t counted_before; /* how many of these the host had counted before the tracer came */
static struct bench_site site;

static bool script_has_done(uint64_t count)
{
    char line[64];

    snprintf(line, sizeof(line), "%s %llu", word, (unsigned long long)count);
    return strcmp(host_language.answer(line), "done") == 0;
}

static bool has_failed;

static void run(uint64_t count)
{
    has_failed |= !script_has_done(count);
}

static enum bench_outcome prepare(const char *doing)
{
    snprintf(word, sizeof(word), "%s", doing);
    event = strcmp(doing, "call") == 0 ? HOST_CALL : HOST_ALLOCATE;
    host_declare();
    if (!host_language.open(HOST_SCRIPT))
        return bench_say(BENCH_FAIL, "%s does not run", HOST_SCRIPT);
    host_language.look();
    return script_has_done(CHECKS) ? BENCH_OK
                                   : bench_say(BENCH_FAIL, "%s can't do %s", HOST_SCRIPT, doing);
}

static enum bench_outcome finish(uint64_t total)
{
    (void)total;
    host_language.close();
    return has_failed ? bench_say(BENCH_FAIL, "the script failed") : BENCH_OK;
}

/* What the tracer has seen must be what the host has counted since, and no less than was done. */
static enum bench_outcome check(uint64_t done)
{
    uint64_t hits = bench_hits(), counted = host_counts[event] - counted_before;

    if (hits == counted && hits >= done)
        return BENCH_OK;
    return bench_say(BENCH_FAIL, "the tracer saw %llu, the host counted %llu, the script did %llu",
                     (unsigned long long)hits, (unsigned long long)counted,
                     (unsigned long long)done);
}

static enum bench_outcome prepare_watched(const char *doing)
{
    enum bench_outcome outcome = prepare(doing);
    const char *wrong;

    if (outcome != BENCH_OK)
        return outcome;
    wrong = bench_site_find(rst_probe_path(host_probes[event]), host_language.name,
                            host_event_names[event], &site);
    if (wrong)
        return bench_say(BENCH_FAIL, "%s", wrong);
    counted_before = host_counts[event];
    outcome = bench_attach("perf", &site);
    if (outcome != BENCH_OK)
        return outcome;
    host_language.look();
    run(CHECKS);
    return check(CHECKS);
}

static enum bench_outcome finish_watched(uint64_t total)
{
    enum bench_outcome outcome = check(total + CHECKS);

    bench_detach();
    return outcome == BENCH_OK ? finish(total) : outcome;
}

const struct bench_job bench_jobs[] = {
    {"unwatched", prepare, run, NULL, finish},
    {"watched", prepare_watched, run, NULL, finish_watched},
    {NULL, NULL, NULL, NULL, NULL},
};
