/* SPDX-License-Identifier: MIT */
/*
 * A program that fires faster than a tracer can read, from several threads on all CPUs. For each
 * line of its input, which is a number, each thread fires flood:drop(string text, uint64 number)
 * that many times; the text is the number, too. It answers "fired".
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rst.h"

#define THREADS 4

static rst_probe *probe;
static unsigned long times;

static void *fire(void *context)
{
    uint64_t first = 1000000 * *(const unsigned *)context;
    char text[32];

    for (uint64_t i = 0; i < times; i++) {
        snprintf(text, sizeof(text), "%" PRIu64, first + i);
        RST_FIRE(probe, text, first + i);
    }
    return NULL;
}

static int flood(void)
{
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, fire, &numbers[i]) != 0)
            return -1;
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

int main(void)
{
    rst_provider *provider = rst_provider_new("flood");
    char line[32];
    cpu_set_t all;

    CPU_ZERO(&all);
    for (int i = 0; i < CPU_SETSIZE; i++)
        CPU_SET(i, &all);
    sched_setaffinity(0, sizeof(all), &all); /* tests start programs on one CPU */
    probe = rst_provider_add(provider, "drop", "string text, uint64 number");
    if (!probe || rst_provider_load(provider) < 0) {
        fprintf(stderr, "%s\n", rst_error());
        return 1;
    }
    printf("ready %d\n", (int)getpid());
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        times = strtoul(line, NULL, 10);
        if (flood() < 0)
            return 1;
        printf("fired\n");
        fflush(stdout);
    }
    rst_provider_free(provider);
    return 0;
}
