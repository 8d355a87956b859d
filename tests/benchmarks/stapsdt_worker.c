/* SPDX-License-Identifier: MIT */
/*
 * The worker with libstapsdt, if that is installed. It is compiled without _GNU_SOURCE, with which
 * libstapsdt's header does not compile.
 */
#include <libstapsdt.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "load_many.h"
#include "traced_job.h"

#define ARGUMENTS 3, uint64, uint64, int32

static SDTProvider_t *provider;
static SDTProbe_t *probe;

BENCH_RUN(run_guard, if (__builtin_expect(probeIsEnabled(probe), 0)) bench_pass());
BENCH_RUN_SINGLY(run_call, probeFire(probe, i, (uint64_t)(uintptr_t)BENCH_PATH, BENCH_STATUS));
BENCH_RUN_SINGLY(run_fire, if (__builtin_expect(probeIsEnabled(probe), 0))
                               probeFire(probe, i, (uint64_t)(uintptr_t)BENCH_PATH, BENCH_STATUS));

/* ------------------------------------------------------------------------- one probe -- */

static const char *error_of(const SDTProvider_t *of)
{
    return of && of->error ? of->error : "libstapsdt has failed, and does not say why";
}

/* The path of the image: libstapsdt gives the path of its memfd in /proc. */
static const char *path_of(const SDTProvider_t *of)
{
    static char path[64];

    if (of->_memfd <= 0)
        return of->_filename;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", of->_memfd);
    return path;
}

static enum bench_outcome prepare(const char *arg)
{
    (void)arg;
    provider = providerInit("bench");
    probe = providerAddProbe(provider, "request", ARGUMENTS);
    return providerLoad(provider) == 0 ? BENCH_OK : bench_say(BENCH_FAIL, "%s", error_of(provider));
}

/* libstapsdt's guard reads the site's first byte, so write a breakpoint there, like a tracer. */
static void raise_site(int by)
{
    static char before;
    long page = sysconf(_SC_PAGESIZE);
    char *site = probe->_fire;
    void *start = site - (uintptr_t)site % (uintptr_t)page;

    if (mprotect(start, (size_t)page, PROT_READ | PROT_WRITE | PROT_EXEC) < 0)
        return; /* the check then finds the guard not passed */
    if (by > 0)
        before = *site;
    *site = by > 0 ? (char)0xcc : before;
    mprotect(start, (size_t)page, PROT_READ | PROT_EXEC);
}

static enum bench_outcome prepare_guard(const char *arg)
{
    enum bench_outcome outcome = prepare(arg);

    return outcome == BENCH_OK ? bench_check_guard(run_guard, raise_site) : outcome;
}

static enum bench_outcome prepare_fire(const char *arg)
{
    enum bench_outcome outcome = prepare(arg);

    return outcome == BENCH_OK
               ? bench_traced_prepare(arg, path_of(provider), "bench", "request", run_fire)
               : outcome;
}

/* ----------------------------------------------------------------------- many probes -- */

static const char *last_error = "";

static void *load_provider(const char *name)
{
    return providerInit(name);
}

static void *load_add(void *of, const char *name, bool bare)
{
    return bare ? providerAddProbe(of, name, 0) : providerAddProbe(of, name, ARGUMENTS);
}

static bool load_load(void *of)
{
    bool loaded = providerLoad(of) == 0;

    if (!loaded)
        last_error = error_of(of);
    return loaded;
}

static bool load_unload(void *of)
{
    bool unloaded = providerUnload(of) == 0;

    if (!unloaded)
        last_error = error_of(of);
    return unloaded;
}

static void load_free(void *of)
{
    providerDestroy(of);
}

static const char *load_path(void *of)
{
    return path_of(((SDTProbe_t *)of)->provider);
}

static const char *load_error(void)
{
    return last_error;
}

const struct bench_library bench_library = {
    .provider = load_provider,
    .add = load_add,
    .load = load_load,
    .unload = load_unload,
    .free = load_free,
    .path = load_path,
    .error = load_error,
};

const struct bench_job bench_jobs[] = {
    {"guard-stapsdt", prepare_guard, run_guard, NULL, bench_finish_guard},
    {"call-stapsdt", prepare, run_call, NULL, NULL},
    {"fire-stapsdt", prepare_fire, run_fire, NULL, bench_traced_finish},
    {"load", bench_load_prepare, NULL, bench_load_measure, NULL},
    {"add", bench_load_prepare, NULL, bench_add_measure, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
