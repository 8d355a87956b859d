/* SPDX-License-Identifier: MIT */
/*
 * Loading many probes, with the worker's library.
 */
#ifndef BENCH_LOAD_MANY_H
#define BENCH_LOAD_MANY_H

#include <stdbool.h>

#include "worker.h"

struct bench_library {
    void *(*provider)(const char *name);
    void *(*add)(void *provider, const char *name, bool bare); /* `bare`: without arguments */
    bool (*load)(void *provider);
    bool (*unload)(void *provider);
    void (*free)(void *provider);
    const char *(*path)(void *probe); /* the loaded image's path */
    const char *(*error)(void);
};

/* Each worker program defines its own. */
extern const struct bench_library bench_library;

/*
 * `arg` is "PROVIDERS PROBES": the number of providers, and of probes in each; with " bare" after
 * it, probes have no arguments.
 */
enum bench_outcome bench_load_prepare(const char *arg);
enum bench_outcome bench_load_measure(void);

/* Only declare the probes: "ns" is the time of one. */
enum bench_outcome bench_add_measure(void);

#endif
