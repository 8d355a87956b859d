/* SPDX-License-Identifier: MIT */
/*
 * What libstapsdt's calls cost in the library that this is linked with: its own, the drop-in, or
 * one that does nothing. A process measures once, and prints a line "NAME NANOSECONDS" for each
 * figure. These are of its CPU time, so that other processes don't matter.
 *
 *     fire           the loop of libstapsdt's demo, without what it prints, and one of the check
 *     load PROBES    add, load, unload and load again, one provider
 */
#include <libstapsdt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIRES 5000000

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Gives the time after it has printed. */
static double say(const char *name, double since, double times)
{
    printf("%s %.3f\n", name, (now() - since) / times);
    return now();
}

static void must(int status, const SDTProvider_t *provider)
{
    if (status == 0)
        return;
    fprintf(stderr, "%s\n", provider->error ? provider->error : "failed, and does not say why");
    exit(1);
}

static void measure_fire(void)
{
    SDTProvider_t *provider = providerInit("bench");
    SDTProbe_t *probes[2];
    unsigned long long i = 0;
    int j = 0, enabled = 0;
    double begin;

    for (int at = 0; at < 2; at++)
        probes[at] = providerAddProbe(provider, at ? "second" : "first", 2, uint64, int64);
    must(providerLoad(provider), provider);
    for (int turn = 0; turn < 1000; turn++)
        probeFire(probes[turn % 2], i++, j--);
    begin = now();
    for (int turn = 0; turn < FIRES / 2; turn++)
        for (int at = 0; at < 2; at++)
            probeFire(probes[at], i++, j--);
    begin = say("fire", begin, FIRES);
    for (int turn = 0; turn < FIRES / 2; turn++)
        for (int at = 0; at < 2; at++)
            enabled += probeIsEnabled(probes[at]);
    say("enabled", begin, FIRES);
    must(enabled, provider);
    providerDestroy(provider);
}

static void measure_load(int count)
{
    SDTProvider_t *provider = providerInit("bench");
    char name[16];
    double begin = now();

    for (int at = 0; at < count; at++) {
        snprintf(name, sizeof(name), "probe%06d", at);
        providerAddProbe(provider, name, 3, uint64, uint64, int32);
    }
    begin = say("add", begin, 1);
    must(providerLoad(provider), provider);
    begin = say("load", begin, 1);
    must(providerUnload(provider), provider);
    must(providerLoad(provider), provider);
    say("again", begin, 1);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "fire") == 0)
        measure_fire();
    else if (argc == 3 && strcmp(argv[1], "load") == 0)
        measure_load(atoi(argv[2]));
    else
        return 2;
    return 0;
}
