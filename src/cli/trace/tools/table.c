/* SPDX-License-Identifier: MIT */
#include "cli/trace/tools/tool.h"

#define TRACEFS "/sys/kernel/tracing"
#define EVENTS " >> " TRACEFS "/uprobe_events\n"
#define INSTANCE TRACEFS "/instances/rst"

/* Create, or remove, a kernel event. printf, because some shells' echo changes "\\5". */
#define ADD_EVENT "printf '%s\\n' 'p:<group>/<event> <path>:<site><fetches>'" EVENTS
#define REMOVE_EVENT "printf '%s\\n' '-:<group>/<event>'" EVENTS

/* Each argument has a printf() of its own, because old versions have a small stack. */
static const struct part bpftrace[] = {
    {ONCE, "BPFTRACE_STRLEN=200 BPFTRACE_MAX_STRLEN=256 BPFTRACE_MISSING_PROBES=warn "
           "bpftrace --no-warnings -e '\n"},
    {EACH_PROBE, "usdt:\"<path>\":<provider>:<probe><predicate>\n{\n"
                 "    printf(\"%d <provider>:<probe>\", tid);\n"},
    {EACH_ARGUMENT, "    printf(\" <arg>=<form>);\n"},
    {EACH_PROBE, "    printf(\"\\n\");\n}\n"},
    {ONCE, "'\n"},
    {END, NULL},
};

/*
 * In brackets, so that Ctrl-C ends only the program that runs, and the shell goes on to clean up,
 * whether the commands are typed or in a file.
 */
static const struct part perf[] = {
    {ONCE, "(trap : INT\n"},
    {EACH_SITE, ADD_EVENT},
    {ONCE, "perf record -o perf.data"},
    {EACH_SITE, " -e <group>:<event>"},
    {ONCE, "<pids> # until Ctrl-C\nperf script -i perf.data\n"},
    {EACH_SITE, REMOVE_EVENT},
    {ONCE, ")\n"},
    {END, NULL},
};

/* A tracefs instance of its own, so that no other events are mixed in. */
static const struct part tracefs[] = {
    {ONCE, "(trap : INT\nmountpoint -q " TRACEFS " || mount -t tracefs tracefs " TRACEFS "\n"},
    {EACH_SITE, ADD_EVENT},
    {ONCE, "mkdir " INSTANCE "\n"},
    {EACH_PROCESS, "ls /proc/<pid>/task >> " INSTANCE "/set_event_pid\n"
                   "echo 1 > " INSTANCE "/options/event-fork\n"},
    {EACH_SITE, "echo 1 > " INSTANCE "/events/<group>/<event>/enable\n"},
    {ONCE, "cat " INSTANCE "/trace_pipe # until Ctrl-C\nrmdir " INSTANCE "\n"},
    {EACH_SITE, REMOVE_EVENT},
    {ONCE, ")\n"},
    {END, NULL},
};

static const struct part gdb[] = {
    {ONCE, "# Save this as FILE, then: gdb -q -p <pid> -x FILE\n"
           "set pagination off\nset width 0\n"},
    {EACH_PROBE, "\nbreak -probe-stap <provider>:<probe>\ncommands\nsilent\n"
                 "printf \"<provider>:<probe>\"\n"},
    {EACH_ARGUMENT, "printf \" <arg>=<form>\n"},
    {EACH_PROBE, "printf \"\\n\"\ncontinue\nend\n"},
    {ONCE, "\ncontinue\n"},
    {END, NULL},
};

/* Elsewhere than on Debian and Ubuntu, it is /usr/share/bcc/tools/trace. */
static const struct part bcc[] = {
    {ONCE, "trace-bpfcc<process>"},
    {EACH_PROBE, " \\\n    'u:<path>:<provider>:<probe> \"<provider>:<probe>"},
    {EACH_ARGUMENT, " <arg>=<form>"},
    {EACH_PROBE, "\""},
    {EACH_VALUE, ", arg<i1>"},
    {EACH_PROBE, "'"},
    {ONCE, "\n"},
    {END, NULL},
};

/* DTrace takes an integer's sign from the note. copyinstr() fails at NULL. */
static const struct part dtrace[] = {
    {ONCE, "dtrace -q -n '\n"},
    {EACH_PROBE, "<provider><pid>:::<dashed>\n{\n    printf(\"<provider>:<probe>\");\n"},
    {EACH_ARGUMENT, "    printf(\" <arg>=<form>);\n"},
    {EACH_PROBE, "    printf(\"\\n\");\n}\n"},
    {ONCE, "'\n"},
    {END, NULL},
};

const struct tool tool_table[TOOLS] = {
    {
        .name = "bpftrace",
        .title = "bpftrace",
        .parts = bpftrace,
        .has_predicate = true,
        .fragile_from = "0.25",
        .odd_index = true,
        .most_arguments = 6, /* before 0.25 */
        /* Versions differ in signs and widths, unless they are told. */
        .forms = {[FORM_STRING] = "\\\"%s\\\"\", str(arg<i>)",
                  [FORM_FLOAT] = "bits:0x%llx\", (uint64)arg<i><mask>",
                  [FORM_POINTER] = "0x%llx\", (uint64)arg<i>",
                  [FORM_UNSIGNED] = "%llu\", (uint64)arg<i><mask>",
                  [FORM_SIGNED] = "%lld\", (int64)(int<bits>)arg<i>"},
    },
    {.name = "perf", .title = "perf", .parts = perf},
    {
        .name = "gdb",
        .title = "gdb",
        .parts = gdb,
        /* gdb's printf can't print an integer's bits as a float; output/f can. */
        .forms = {[FORM_UNREADABLE] = "?\"",
                  [FORM_STRING] = "\\\"%s\\\"\", (char *)$_probe_arg<i>",
                  [FORM_FLOAT] = "\"\noutput/f $_probe_arg<i>",
                  [FORM_POINTER] = "0x%llx\", (unsigned long long)$_probe_arg<i>",
                  [FORM_UNSIGNED] = "%llu\", (unsigned long long)$_probe_arg<i>",
                  [FORM_SIGNED] = "%lld\", (long long)$_probe_arg<i>"},
    },
    {
        .name = "bcc",
        .title = "bcc",
        .parts = bcc,
        .fragile = true,
        .most_arguments = 9,
        .forms = {[FORM_UNREADABLE] = "?",
                  [FORM_STRING] = "%s",
                  [FORM_POINTER] = "0x%llx",
                  [FORM_UNSIGNED] = "%llu",
                  [FORM_SIGNED] = "%lld"},
    },
    {
        .name = "dtrace",
        .title = "DTrace",
        .parts = dtrace,
        .by_name = true,
        .one_process = true,
        .fragile = true,
        .most_arguments = 10,
        .forms = {[FORM_STRING] = "\\\"%s\\\"\", arg<i> ? copyinstr(arg<i>) : \"\"",
                  [FORM_POINTER] = "0x%x\", arg<i>",
                  [FORM_UNSIGNED] = "%u\", arg<i>",
                  [FORM_SIGNED] = "%d\", arg<i>"},
    },
    {.name = "tracefs", .title = "tracefs", .parts = tracefs},
};
