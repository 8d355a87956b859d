/* SPDX-License-Identifier: MIT */
/*
 * Which tracers are installed, and which backings each can see. docs/tracing.md has the commands.
 */
#include <stdlib.h>

#include "cli/base/number.h"
#include "cli/base/program.h"
#include "cli/check/check.h"

struct known_tracer {
    const char *programs[2]; /* alternative names: the first one found is used */
    const char *option;      /* prints the version; NULL: there is no such option */
    const char *mark; /* the output contains it, unless this is another program of the same name */
    const char *package;
    const char *sees;
    unsigned from; /* version_number() from which `sees_then` holds; 0: none */
    const char *sees_then;
};

static void look_for(struct machine *machine)
{
    const struct known_tracer *tracer = machine->context;
    char version[PROGRAM_VERSION] = "", *path = NULL;
    const char *name = NULL;

    for (size_t i = 0; i < 2 && tracer->programs[i] && !path; i++) {
        name = tracer->programs[i];
        path = program_path(name);
    }
    if (!path)
        fact_set(machine, VERDICT_NOTE, "not installed: Debian has it as %s", tracer->package);
    else if (tracer->option && !program_version(path, tracer->option, tracer->mark, version))
        fact_set(machine, VERDICT_NOTE, "%s is another program of that name, or does not answer",
                 name);
    else
        fact_set(machine, VERDICT_YES, "%s: %s", *version ? version : name,
                 tracer->from && version_number(version) >= tracer->from ? tracer->sees_then
                                                                         : tracer->sees);
    free(path);
}

const struct check tracer_checks[] = {
    {"bpftrace", look_for,
     &(const struct known_tracer){
         .programs = {"bpftrace"},
         .option = "--version",
         .mark = "bpftrace",
         .package = "bpftrace",
         .sees = "sees memfd and file, by -p PID and by path",
         .from = 25,
         .sees_then = "sees a memfd by the path that 'rst list' shows, not by -p PID; a file by "
                      "both",
     }},
    {"bcc", look_for,
     &(const struct known_tracer){
         .programs = {"tplist-bpfcc", "tplist"},
         .package = "bpfcc-tools",
         .sees = "sees memfd and file, by -p PID and by path",
     }},
    {"perf", look_for,
     &(const struct known_tracer){
         .programs = {"perf"},
         .option = "--version",
         .mark = "perf",
         .package = "linux-perf",
         .sees = "does not see a memfd; a file after perf buildid-cache --update FILE",
     }},
    {"gdb", look_for,
     &(const struct known_tracer){
         .programs = {"gdb"},
         .option = "--version",
         .mark = "gdb",
         .package = "gdb",
         .sees = "sees memfd and file; needs no privilege for your own processes",
     }},
    {"stap", look_for,
     &(const struct known_tracer){
         .programs = {"stap"},
         .option = "--version",
         .mark = "SystemTap",
         .package = "systemtap",
         .sees = "does not see a memfd; sees a file by its path",
     }},
    {"dtrace", look_for,
     &(const struct known_tracer){
         .programs = {"dtrace"},
         .option = "-V",
         .mark = " D ",
         .package = "dtrace",
         .sees = "sees memfd and file (2.0.7 does, 2.0.1 not); calls provider shop of process "
                 "4711 shop4711",
     }},
    {NULL, NULL, NULL},
};
