/* SPDX-License-Identifier: MIT */
#include "traced_job.h"

#include <stdio.h>
#include <string.h>

#include "attach_uprobe.h"

#define CHECKS 1000

static struct bench_site site;
static uint64_t first_hits; /* how many hits there were before the measurement */

static unsigned watchers(void)
{
    return site.watched ? *site.watched : 0;
}

static enum bench_outcome check(const char *way)
{
    unsigned wanted = site.semaphore ? 1 : 0;

    if (watchers() != wanted)
        return bench_say(BENCH_FAIL, "the semaphore is %u with one tracer", watchers());
    first_hits = bench_hits();
    if (first_hits != CHECKS)
        return bench_say(BENCH_FAIL, "%s saw %llu of %d fires", way, (unsigned long long)first_hits,
                         CHECKS);
    return BENCH_OK;
}

enum bench_outcome bench_traced_prepare(const char *way, const char *path, const char *provider,
                                        const char *probe, void (*run)(uint64_t count))
{
    const char *wrong = bench_site_find(path, provider, probe, &site), *before;
    enum bench_outcome outcome;

    if (wrong)
        return bench_say(BENCH_FAIL, "%s:%s in %s: %s", provider, probe, path, wrong);
    before = bench_site_words(&site);
    if (watchers() != 0)
        return bench_say(BENCH_FAIL, "the semaphore is %u before a tracer attached", watchers());
    run(CHECKS); /* the first fires are not measured */
    outcome = bench_attach(way, &site);
    if (outcome != BENCH_OK)
        return outcome;
    run(CHECKS);
    outcome = check(way);
    return outcome == BENCH_OK
               ? bench_say(BENCH_OK, "%s, traced as %s", before, bench_site_words(&site))
               : outcome;
}

enum bench_outcome bench_traced_finish(uint64_t total)
{
    uint64_t hits = bench_hits() - first_hits;

    bench_detach();
    if (hits != total)
        return bench_say(BENCH_FAIL, "the tracer saw %llu of %llu fires", (unsigned long long)hits,
                         (unsigned long long)total);
    if (watchers() != 0)
        return bench_say(BENCH_FAIL, "the tracer has left, and the semaphore is %u", watchers());
    return bench_say(BENCH_OK, "%llu fires, all seen", (unsigned long long)total);
}
