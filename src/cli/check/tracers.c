/* SPDX-License-Identifier: MIT */
/*
 * Which tracers are installed, and which backings each can see. docs/tracing.md has the commands.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/base/file.h"
#include "cli/check/check.h"

/* These directories too: Debian keeps bcc's tools in one that is not in every user's PATH. */
static const char further[] = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

struct known_tracer {
    const char *program, *other_name, *package;
    bool no_script; /* a script is another program of that name */
    const char *sees;
};

/* The path of a program, to be freed; NULL if there is none. */
static char *find_program(const char *program)
{
    const char *given = getenv("PATH");
    char *list = text_format("%s:%s", given ? given : "", further), *rest = list, *directory;
    char *path = NULL;

    while (!path && (directory = strsep(&rest, ":"))) {
        path = text_format("%s/%s", directory, program);
        if (!*directory || access(path, X_OK) < 0) {
            free(path);
            path = NULL;
        }
    }
    free(list);
    return path;
}

static void look_for(struct machine *machine)
{
    const struct known_tracer *tracer = machine->context;
    char *path = find_program(tracer->program), start[3];

    if (!path && tracer->other_name)
        path = find_program(tracer->other_name);
    if (!path)
        fact_set(machine, VERDICT_NOTE, "not installed: Debian has it as %s", tracer->package);
    else if (tracer->no_script && read_line(path, start, sizeof(start)) && strcmp(start, "#!") == 0)
        fact_set(machine, VERDICT_NOTE, "%s is another program of that name", path);
    else
        fact_set(machine, VERDICT_YES, "%s %s", path, tracer->sees);
    free(path);
}

static const struct known_tracer bpftrace = {
    "bpftrace", NULL, "bpftrace", false,
    "sees memfd and file by their paths; by -p PID a file, and up to version 0.24 a memfd"};
static const struct known_tracer bcc = {
    "tplist-bpfcc", "tplist", "bpfcc-tools", false,
    "and bcc's other tools see memfd and file, by -p PID and by path"};
static const struct known_tracer perf = {
    "perf", NULL, "linux-perf", false,
    "sees no memfd; a file after perf buildid-cache --update FILE"};
static const struct known_tracer gdb = {
    "gdb", NULL, "gdb", false, "sees memfd and file; needs no privilege for your own processes"};
static const struct known_tracer stap = {"stap", NULL, "systemtap", false,
                                         "sees no memfd; a file by its path"};
static const struct known_tracer dtrace = {
    "dtrace", NULL, "dtrace", true,
    "sees memfd and file from 2.0.7 on; calls provider shop of process 4711 shop4711"};

const struct check tracer_checks[] = {
    {"bpftrace", look_for, &bpftrace},
    {"bcc", look_for, &bcc},
    {"perf", look_for, &perf},
    {"gdb", look_for, &gdb},
    {"stap", look_for, &stap},
    {"dtrace", look_for, &dtrace},
    {NULL, NULL, NULL},
};
