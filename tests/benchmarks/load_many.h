/* SPDX-License-Identifier: MIT */
/*
 * The load of many probes, by whichever library the worker has in it.
 */
#ifndef BENCH_LOAD_MANY_H
#define BENCH_LOAD_MANY_H

#include <stdbool.h>

#include "worker.h"

struct bench_library {
    void *(*provider)(const char *name);
    void *(*add)(void *provider, const char *name, bool bare); /* bare: without arguments */
    bool (*load)(void *provider);
    bool (*unload)(void *provider);
    void (*free)(void *provider);
    const char *(*path)(void *probe); /* of the loaded image */
    const char *(*error)(void);
};

/* Each worker program has its own. */
extern const struct bench_library bench_library;

/* `arg` is "PROVIDERS PROBES", so many of each provider; with " bare", without arguments. */
enum bench_outcome bench_load_prepare(const char *arg);
enum bench_outcome bench_load_measure(void);

#endif
