/* SPDX-License-Identifier: MIT */
/*
 * --for TOOL: how to watch the same probes by hand, as commands or a program that run as printed.
 * docs/tracing.md explains them. The longer ones, for bcc and tracefs, have files of their own.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/trace/tools.h"
#include "error.h"

#define DTRACE_ARGUMENTS 10

typedef enum status tool(const struct trace *trace);

/* Tell about options that the printed commands do not have. */
static void say_left_out(const struct trace_options *options)
{
    if (options->filter || options->mode != TRACE_HITS || options->stack || options->hits ||
        options->seconds)
        say("this shows every hit: only rst and bpftrace have --filter, counts, --stack, -n and "
            "--seconds");
}

static enum status for_bpftrace(const struct trace *trace)
{
    struct text script = {0};

    text_add(&script, "\n");
    trace_script(trace, true, &script);
    trace_print_command(trace, script.bytes, true);
    free(script.bytes);
    return STATUS_GOOD;
}

/* -------------------------------------------------------------------------------- perf -- */

static bool is_first_of_file(const struct trace *trace, size_t number)
{
    for (size_t i = 0; i < number; i++)
        if (trace->probes[i].source == trace->probes[number].source)
            return false;
    return true;
}

static void print_perf_files(const struct trace *trace, const char *option)
{
    for (size_t i = 0; i < trace->probe_count; i++)
        if (is_first_of_file(trace, i))
            printf("perf buildid-cache %s %s\n", option, trace->probes[i].path);
}

/*
 * perf gives the events of all sites the same name, and fails at the second. The kernel's tracefs
 * does not.
 */
static void print_perf_probe(const struct trace_probe *probe)
{
    if (probe->site_count > 1)
        trace_print_uprobes(probe, "sdt_");
    else
        printf("perf probe sdt_%s:%s\n", probe->provider, probe->name);
}

static void print_perf_removal(const struct trace_probe *probe)
{
    if (probe->site_count > 1)
        trace_print_removals(probe, "sdt_");
    else
        printf("perf probe --del sdt_%s:%s\n", probe->provider, probe->name);
}

static enum status for_perf(const struct trace *trace)
{
    for (size_t i = 0; i < trace->probe_count; i++)
        if (trace->probes[i].source->kind == SOURCE_MEMFD) {
            say("%s:%s is in a memfd, which perf can't see: start the program with "
                "RST_BACKING=file",
                trace->probes[i].provider, trace->probes[i].name);
            return STATUS_FAILED;
        }
    printf("(trap : INT # arguments are arg1 and so on; strings show as their addresses\n");
    /* Ctrl-C ends only the program that runs, and the shell goes on. */
    print_perf_files(trace, "--update");
    for (size_t i = 0; i < trace->probe_count; i++)
        print_perf_probe(&trace->probes[i]);
    printf("perf record -o perf.data");
    for (size_t i = 0; i < trace->probe_count; i++)
        for (size_t j = 0; j < trace->probes[i].site_count; j++) {
            printf(" -e ");
            trace_print_event(&trace->probes[i], "sdt_", ':', j);
        }
    for (size_t i = 0; i < trace->options.search.pid_count; i++)
        printf("%s%ld", i ? "," : " -p ", (long)trace->options.search.pids[i]);
    printf("%s # until Ctrl-C\nperf script -i perf.data\n",
           trace->options.search.pid_count == 0 ? " -a" : "");
    for (size_t i = 0; i < trace->probe_count; i++)
        print_perf_removal(&trace->probes[i]);
    print_perf_files(trace, "--purge");
    printf(")\n");
    return STATUS_GOOD;
}

/* --------------------------------------------------------------------------------- gdb -- */

/* gdb's printf can't print an integer's bits as a float; output/f can. */
static void print_gdb_argument(const struct trace_probe *probe,
                               const struct trace_argument *argument)
{
    size_t i = argument->index;

    /* gdb reads all operands to get one, and stops at an operand that it can't read. */
    if (argument->unreadable || probe->has_floats || probe->has_symbols) {
        printf("printf \" %s=?\"\n", argument->name);
        return;
    }
    switch (argument->kind) {
    case TRACE_STRING:
        printf("printf \" %s=\\\"%%s\\\"\", (char *)$_probe_arg%zu\n", argument->name, i);
        break;
    case TRACE_FLOAT:
    case TRACE_DOUBLE:
        printf("printf \" %s=\"\noutput/f $_probe_arg%zu\n", argument->name, i);
        break;
    case TRACE_POINTER:
        printf("printf \" %s=0x%%lx\", (unsigned long)$_probe_arg%zu\n", argument->name, i);
        break;
    default:
        printf(argument->is_signed ? "printf \" %s=%%ld\", (long)$_probe_arg%zu\n"
                                   : "printf \" %s=%%lu\", (unsigned long)$_probe_arg%zu\n",
               argument->name, i);
    }
}

static enum status for_gdb(const struct trace *trace)
{
    const struct search *search = &trace->options.search;

    if (search->pid_count == 1)
        printf("# Save this as FILE, then: gdb -q -p %ld -x FILE\n", (long)search->pids[0]);
    else
        printf("# Save this as FILE, then: gdb -q -p PID -x FILE\n");
    printf("set pagination off\nset width 0\n");
    for (size_t i = 0; i < trace->probe_count; i++) {
        const struct trace_probe *probe = &trace->probes[i];

        printf("\nbreak -probe-stap %s:%s\ncommands\nsilent\nprintf \"%s:%s\"\n", probe->provider,
               probe->name, probe->provider, probe->name);
        for (size_t j = 0; j < probe->argument_count; j++)
            print_gdb_argument(probe, &probe->arguments[j]);
        printf("printf \"\\n\"\ncontinue\nend\n");
    }
    printf("\ncontinue\n");
    return STATUS_GOOD;
}

/* ------------------------------------------------------------------------------ dtrace -- */

/* DTrace writes - where the source has __. */
static void print_dtrace_name(const char *name)
{
    for (; *name; name++)
        if (name[0] == '_' && name[1] == '_')
            putchar('-'), name++;
        else
            putchar(*name);
}

static const char *dtrace_form(const struct trace_argument *argument)
{
    switch (argument->kind) {
    case TRACE_STRING:
        return "\\\"%s\\\"";
    case TRACE_POINTER:
    case TRACE_FLOAT:
    case TRACE_DOUBLE:
        return "0x%x";
    default:
        return argument->is_signed ? "%d" : "%u";
    }
}

/* DTrace takes an integer's sign from the note. copyinstr() fails at NULL. */
static void print_dtrace_value(const struct trace_argument *argument)
{
    if (argument->kind == TRACE_STRING)
        printf(", arg%zu ? copyinstr(arg%zu) : \"\"", argument->index, argument->index);
    else
        printf(", arg%zu", argument->index);
}

static void print_dtrace_clause(const struct trace *trace, const struct trace_probe *probe)
{
    size_t count = probe->argument_count;

    if (count > DTRACE_ARGUMENTS) {
        say("%s:%s has %zu arguments, of which DTrace reads the first %d", probe->provider,
            probe->name, count, DTRACE_ARGUMENTS);
        count = DTRACE_ARGUMENTS;
    }
    printf("%s%ld:::", probe->provider, (long)trace->options.search.pids[0]);
    print_dtrace_name(probe->name);
    printf(" { printf(\"%s:%s", probe->provider, probe->name);
    for (size_t i = 0; i < count; i++)
        printf(" %s=%s", probe->arguments[i].name, dtrace_form(&probe->arguments[i]));
    printf("\\n\"");
    for (size_t i = 0; i < count; i++)
        print_dtrace_value(&probe->arguments[i]);
    printf("); }");
}

static enum status for_dtrace(const struct trace *trace)
{
    printf("dtrace -q -n '");
    for (size_t i = 0; i < trace->probe_count; i++)
        printf("%s", i ? " " : ""), print_dtrace_clause(trace, &trace->probes[i]);
    printf("'\n");
    return STATUS_GOOD;
}

/* --------------------------------------------------------------------------------- all -- */

enum status trace_print_tool(struct trace *trace)
{
    static tool *const tools[] = {
        [TOOL_BPFTRACE] = for_bpftrace, [TOOL_PERF] = for_perf,
        [TOOL_GDB] = for_gdb,           [TOOL_BCC] = trace_for_bcc,
        [TOOL_DTRACE] = for_dtrace,     [TOOL_TRACEFS] = trace_for_tracefs,
    };

    if (trace->options.tool != TOOL_BPFTRACE)
        say_left_out(&trace->options);
    return tools[trace->options.tool](trace);
}
