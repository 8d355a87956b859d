/* SPDX-License-Identifier: MIT */
/*
 * Which tracers are installed, and which backings each can see.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/base/number.h"
#include "cli/base/program.h"
#include "cli/check/check.h"

/* docs/tracing.md has the commands. */
static const char by_pid[] = "sees memfd and file, by -p PID and by path";
static const char by_path[] = "sees a memfd by the path that 'rst list' shows, not by -p PID; "
                              "a file by both";

struct known_tracer {
    const char *programs[2]; /* alternative names: the first one found is used */
    const char *option;      /* prints the version; NULL: there is no such option */
    const char *mark; /* the output contains it, unless this is another program of the same name */
    const char *package;
    const char *sees;
    unsigned from; /* version_number() from which `sees_then` holds; 0: none */
    const char *sees_then;
};

static const struct known_tracer bpftrace = {{"bpftrace"}, "--version", "bpftrace", "bpftrace",
                                             by_pid,       25,          by_path};
static const struct known_tracer bcc = {
    {"tplist-bpfcc", "tplist"}, NULL, NULL, "bpfcc-tools", by_pid, 0, NULL};
static const struct known_tracer perf = {
    {"perf"},
    "--version",
    "perf",
    "linux-perf",
    "does not see a memfd; a file after perf buildid-cache --update FILE",
    0,
    NULL};
static const struct known_tracer gdb = {
    {"gdb"},
    "--version",
    "gdb",
    "gdb",
    "sees memfd and file; needs no privilege for your own processes",
    0,
    NULL};
static const struct known_tracer stap = {{"stap"},
                                         "--version",
                                         "SystemTap",
                                         "systemtap",
                                         "does not see a memfd; sees a file by its path",
                                         0,
                                         NULL};
static const struct known_tracer dtrace = {
    {"dtrace"},
    "-V",
    " D ",
    "dtrace",
    "sees memfd and file (2.0.7 does, 2.0.1 not); calls provider shop of process 4711 shop4711",
    0,
    NULL};

static bool look_for(const struct known_tracer *tracer, struct fact *fact)
{
    char version[PROGRAM_VERSION] = "", *path = NULL;
    const char *name = NULL;
    bool then, known;

    for (size_t i = 0; i < 2 && tracer->programs[i] && !path; i++) {
        name = tracer->programs[i];
        path = program_path(name);
    }
    if (!path) {
        fact_set(fact, VERDICT_NOTE, "not installed");
        fact_advise(fact, "Debian has it as %s", tracer->package);
        return true;
    }
    known = !tracer->option || program_version(path, tracer->option, tracer->mark, version);
    free(path);
    if (!known) {
        fact_set(fact, VERDICT_NOTE, "%s is another program of that name, or does not answer",
                 name);
        return true;
    }
    then = tracer->sees_then && version_number(version) >= tracer->from;
    fact_set(fact, VERDICT_YES, "%s: %s", *version ? version : name,
             then ? tracer->sees_then : tracer->sees);
    return true;
}

#define CHECK(tracer)                                                                              \
    static bool check_##tracer(struct machine *machine, struct fact *fact)                         \
    {                                                                                              \
        (void)machine;                                                                             \
        return look_for(&tracer, fact);                                                            \
    }

CHECK(bpftrace)
CHECK(bcc)
CHECK(perf)
CHECK(gdb)
CHECK(stap)
CHECK(dtrace)

const struct check tracer_checks[] = {
    {"bpftrace", check_bpftrace},
    {"bcc", check_bcc},
    {"perf", check_perf},
    {"gdb", check_gdb},
    {"stap", check_stap},
    {"dtrace", check_dtrace},
    {NULL, NULL},
};
