/* SPDX-License-Identifier: MIT */
/*
 * rst check: what this machine can do for probes, a line for each fact.
 */
#include "cli/check/check.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/base/file.h"
#include "cli/base/number.h"
#include "cli/base/quote.h"
#include "cli/base/table.h"
#include "error.h"

/* Older headers lack these. */
#define RST_CAP_PERFMON 38
#define RST_CAP_BPF 39

/* The first kernel that counts a probe's tracers: 4.20. */
#define FIRST_VERSION 420

static const char help[] =
    "Usage: rst check\n"
    "Say what this machine can do for probes, a line for each fact, and what to do about a "
    "\"no\".\n"
    "\n"
    "To find out, it loads a probe of its own from each backing, and watches one for a moment.\n"
    "\n"
    "  -h, --help  show this text\n"
    "\n"
    "Exit status: 0 if probes can be loaded and you can trace them, 7 if they can be loaded but\n"
    "you can't trace them, 8 if they can't be loaded.\n"
    "\n"
    "Examples:\n"
    "    sudo rst check\n"
    "    sudo rst check | grep ^no\n";

void fact(enum verdict verdict, const char *name, const char *format, ...)
{
    static const struct {
        const char *word, *colour;
    } verdicts[] = {
        [VERDICT_YES] = {"yes", "\033[32m"},
        [VERDICT_NO] = {"no", "\033[1;31m"},
        [VERDICT_NOTE] = {"-", ""},
    };
    const char *colour = table_has_colour() ? verdicts[verdict].colour : "";
    struct text shown = {0};
    va_list args;
    char *words;

    va_start(args, format);
    sure(vasprintf(&words, format, args) < 0 ? NULL : words);
    va_end(args);
    text_add_shown(&shown, words, strlen(words));
    printf("%s%-3s%s  %-10s  %s\n", colour, verdicts[verdict].word, *colour ? "\033[0m" : "", name,
           shown.bytes);
    fflush(stdout); /* the next check may take a moment */
    free(words);
    free(shown.bytes);
}

/* ---------------------------------------------------------------------------- the kernel -- */

static void check_kernel(void)
{
    struct utsname name;
    const char *advice = "";

    if (uname(&name) < 0)
        return;
    if (version_number(name.release) < FIRST_VERSION)
        advice = ": it does not count a probe's tracers; 4.20 and newer do";
    else if (strcmp(name.machine, "x86_64") != 0)
        advice = ": librst loads probes only on x86_64 so far; 'rst list' works";
    fact(*advice ? VERDICT_NO : VERDICT_YES, "kernel", "Linux %s, %s%s", name.release, name.machine,
         advice);
}

static void check_privileges(void)
{
    static const struct {
        const char *name;
        unsigned number;
        bool by_admin; /* CAP_SYS_ADMIN includes it */
    } needed[] = {{"CAP_BPF", RST_CAP_BPF, true},
                  {"CAP_PERFMON", RST_CAP_PERFMON, true},
                  {"CAP_SYS_PTRACE", CAP_SYS_PTRACE, false}};
    struct text lacking = {0};

    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!has_capability(needed[i].number) &&
            !(needed[i].by_admin && has_capability(CAP_SYS_ADMIN)))
            text_addf(&lacking, "%s%s", lacking.size ? ", " : "", needed[i].name);
    if (!in_first_namespace())
        fact(VERDICT_NO, "privileges",
             "you are in a user namespace, whose capabilities don't count: run tracers as root "
             "outside of it; gdb works inside");
    else if (lacking.size == 0)
        fact(VERDICT_YES, "privileges", "you are %sroot, with all capabilities that tracers need",
             geteuid() == 0 ? "" : "not ");
    else
        fact(VERDICT_NO, "privileges",
             "you lack %s: run tracers as root; gdb needs none of it for your own processes",
             lacking.bytes);
    free(lacking.bytes);
}

static void check_uprobes(int uprobe)
{
    if (uprobe != -ENODEV)
        fact(VERDICT_YES, "uprobes", "the kernel has uprobes");
    else
        fact(VERDICT_NO, "uprobes",
             "the kernel has no uprobes, or /sys is not mounted: use a kernel with "
             "CONFIG_UPROBE_EVENTS; gdb works without it");
}

static void check_attaching(int uprobe)
{
    char paranoid[32] = "unknown";

    if (uprobe == -ENODEV) /* as check_uprobes() says */
        return;
    read_line("/proc/sys/kernel/perf_event_paranoid", paranoid, sizeof(paranoid));
    /*
     * The user may attach also if the kernel says that there is no instruction at offset 0, which
     * some kernels notice at once, and others only when it is mapped.
     */
    if (uprobe >= 0 || uprobe == -EINVAL || uprobe == -EIO)
        fact(VERDICT_YES, "attaching", "you may attach uprobes");
    else if (status_of(uprobe) == STATUS_FORBIDDEN)
        fact(VERDICT_NO, "attaching",
             "you may not attach uprobes (%s; kernel.perf_event_paranoid is %s): be root, or have "
             "CAP_PERFMON",
             strerror(-uprobe), paranoid);
    else
        fact(VERDICT_NO, "attaching",
             "a uprobe can't be attached: %s: use a kernel with CONFIG_UPROBE_EVENTS; gdb works "
             "without it",
             strerror(-uprobe));
}

static void check_tracefs(void)
{
    static const char *const paths[] = {"/sys/kernel/tracing/uprobe_events",
                                        "/sys/kernel/debug/tracing/uprobe_events"};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (access(paths[i], W_OK) == 0) {
            fact(VERDICT_YES, "tracefs", "%s: you can watch memfd and file without a tool",
                 paths[i]);
            return;
        }
    fact(VERDICT_NOTE, "tracefs",
         "not mounted, or you may not use it; perf needs it: as root, mount -t tracefs tracefs "
         "/sys/kernel/tracing");
}

/* ------------------------------------------------------------------------------- tracers -- */

/* Which backings each tracer can see. docs/tracing.md has the commands. */
static const struct tracer {
    const char *name, *program, *other_name, *package;
    bool no_script; /* a script is another program of that name */
    const char *sees;
} tracers[] = {
    {"bpftrace", "bpftrace", NULL, "bpftrace", false,
     "sees memfd and file by their paths; by -p PID a file, and up to version 0.24 a memfd"},
    {"bcc", "tplist-bpfcc", "tplist", "bpfcc-tools", false,
     "and bcc's other tools see memfd and file, by -p PID and by path"},
    {"perf", "perf", NULL, "linux-perf", false,
     "sees no memfd; a file after perf buildid-cache --update FILE"},
    {"gdb", "gdb", NULL, "gdb", false,
     "sees memfd and file; needs no privilege for your own processes"},
    {"stap", "stap", NULL, "systemtap", false, "sees no memfd; a file by its path"},
    {"dtrace", "dtrace", NULL, "dtrace", true,
     "sees memfd and file from 2.0.7 on; calls provider shop of process 4711 shop4711"},
};

/* The path of a program, to be freed; NULL if there is none. */
static char *find_program(const char *program)
{
    /* These too: Debian keeps bcc's tools in a directory that is not in every user's PATH. */
    static const char further[] = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";
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

static void look_for(const struct tracer *tracer)
{
    char *path = find_program(tracer->program), start[3];

    if (!path && tracer->other_name)
        path = find_program(tracer->other_name);
    if (!path)
        fact(VERDICT_NOTE, tracer->name, "not installed: Debian has it as %s", tracer->package);
    else if (tracer->no_script && read_line(path, start, sizeof(start)) && strcmp(start, "#!") == 0)
        fact(VERDICT_NOTE, tracer->name, "%s is another program of that name", path);
    else
        fact(VERDICT_YES, tracer->name, "%s %s", path, tracer->sees);
    free(path);
}

static enum status run(int count, char **words)
{
    enum status status;
    int uprobe;

    if (count > 1)
        return say_usage("check", "%s: it takes no arguments", rst_quote(words[1]).text);
    uprobe = uprobe_attach("/proc/self/exe", 0, 0);
    check_kernel();
    check_uprobes(uprobe);
    check_privileges();
    check_attaching(uprobe);
    check_tracefs();
    if (uprobe >= 0)
        close(uprobe);
    status = check_loading();
    for (size_t i = 0; i < sizeof(tracers) / sizeof(tracers[0]); i++)
        look_for(&tracers[i]);
    return status;
}

const struct command check_command = {"check", "what this machine can do for probes", help, run};
