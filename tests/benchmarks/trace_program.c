/* SPDX-License-Identifier: MIT */
/*
 * The program that trace.py watches: bench:fire(uint64 number, string text, int32 change), and as
 * many probes many:pN as its argument says. It takes commands from its input, one a line, and
 * answers each with a line:
 *
 *     beat             fires once in a millisecond until the next command; answers at once
 *     fire THREADS N   each thread fires N times; answers with the threads' CPU time a fire, in ns
 */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rst.h"

#define MOST_THREADS 16

static rst_probe *probe;

struct job {
    pthread_t thread;
    uint64_t fires, nanoseconds;
};

static void fire(uint64_t number)
{
    RST_FIRE(probe, number, "a text of some length", (int32_t)-number);
}

static void *run(void *context)
{
    struct job *job = context;
    struct timespec time;

    for (uint64_t i = 0; i < job->fires; i++)
        fire(i);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    job->nanoseconds = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
    return NULL;
}

static int run_threads(unsigned long threads, uint64_t fires)
{
    struct job jobs[MOST_THREADS];
    uint64_t nanoseconds = 0;

    if (threads < 1 || threads > MOST_THREADS || fires == 0)
        return -1;
    for (unsigned long i = 0; i < threads; i++) {
        jobs[i].fires = fires;
        if (pthread_create(&jobs[i].thread, NULL, run, &jobs[i]) != 0)
            return -1;
    }
    for (unsigned long i = 0; i < threads; i++) {
        pthread_join(jobs[i].thread, NULL);
        nanoseconds += jobs[i].nanoseconds;
    }
    printf("%.1f\n", (double)nanoseconds / (double)(threads * fires));
    return 0;
}

static void beat(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

    puts("beating");
    fflush(stdout);
    for (uint64_t i = 0; poll(&input, 1, 1) == 0; i++)
        fire(i);
}

static int declare(unsigned long count)
{
    rst_provider *bench = rst_provider_new("bench"), *many = rst_provider_new("many");
    char name[32];

    probe = rst_provider_add(bench, "fire", "uint64 number, string text, int32 change");
    if (!probe || rst_provider_load(bench) < 0)
        return -1;
    for (unsigned long i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "p%lu", i);
        if (!rst_provider_add(many, name, "uint64 number"))
            return -1;
    }
    return count > 0 ? rst_provider_load(many) : 0;
}

int main(int count, char **words)
{
    char line[64];

    if (declare(count > 1 ? strtoul(words[1], NULL, 10) : 0) < 0) {
        fprintf(stderr, "%s\n", rst_error());
        return 1;
    }
    printf("ready %s\n", rst_probe_path(probe));
    fflush(stdout);
    setvbuf(stdin, NULL, _IONBF, 0); /* so that beat() sees the next command by poll() */
    while (fgets(line, sizeof(line), stdin)) {
        unsigned long threads;
        uint64_t fires;

        if (strcmp(line, "beat\n") == 0)
            beat();
        else if (sscanf(line, "fire %lu %" SCNu64, &threads, &fires) != 2 ||
                 run_threads(threads, fires) < 0)
            return 1;
        fflush(stdout);
    }
    return 0;
}
