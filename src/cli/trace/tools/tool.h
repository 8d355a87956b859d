/* SPDX-License-Identifier: MIT */
/*
 * --for TOOL: how to watch the same with another tracer, as commands or a program that run as
 * printed. docs/tracing.md explains them.
 *
 * table.c has a row for each tool. What a tool prints is a list of parts. Parts in a row that are
 * not printed once are printed together for each probe. In a part, these words are replaced:
 *
 *     anywhere           <pid> or PID, <process> as trace-bpfcc's option, <pids> as perf's option
 *     of the probe       <provider>, <probe>, <path>, <dashed> as DTrace spells its name,
 *                        <predicate> for the processes
 *     of the site        <group> and <event> as names.h says, <site>, <fetches> for the kernel
 *     of the argument    <arg> its name, <i> its number, <i1> from 1, <form>, <bits>, <mask>
 */
#ifndef CLI_TRACE_TOOL_H
#define CLI_TRACE_TOOL_H

#include "cli/trace/plan/plan.h"

enum each {
    END,
    ONCE,
    EACH_PROCESS, /* that -p names */
    EACH_PROBE,
    EACH_SITE,
    EACH_ARGUMENT, /* that has a form */
    EACH_VALUE     /* arguments that the tool can read */
};

struct part {
    enum each each;
    const char *text;
};

/* A form without a template is printed like the next one; without one for unreadable, not at all.
 */
enum form {
    FORM_UNREADABLE,
    FORM_STRING,
    FORM_FLOAT, /* or double */
    FORM_POINTER,
    FORM_UNSIGNED, /* or bool */
    FORM_SIGNED,
    FORMS
};

struct tool {
    const char *name, *title;
    const struct part *parts;
    const char *forms[FORMS];
    const char *fragile_from; /* the version since when it skips a probe with an odd argument */
    bool by_name;             /* it opens files by their names: no deleted ones */
    bool one_process;         /* it needs one -p, and no file */
    bool has_predicate;       /* it watches each file in processes of its own */
    bool fragile;          /* it can't watch a probe with an odd argument; others then read none */
    bool odd_index;        /* an argument like 8(%rax,%rdx,4) is odd, too */
    size_t most_arguments; /* 0: any number */
};

#define TOOLS 6
extern const struct tool tool_table[TOOLS];

/* Whether options->tool is known and can do what the options ask for. Reports it if not. */
enum status tool_check(const struct trace_options *options);

/* Print what to run. */
enum status tool_print(const struct plan *plan);

#endif
