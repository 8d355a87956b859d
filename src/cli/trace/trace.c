/* SPDX-License-Identifier: MIT */
/*
 * rst trace: watch probes, and show each hit with its arguments.
 */
#include "cli/trace/trace.h"

#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/base/number.h"
#include "cli/find/near.h"
#include "error.h"

#define MOST_TRIES 5 /* searches, if each time a process exits before it is watched */

static const char help[] =
    "Usage: rst trace [OPTION]... [-p PID]... [FILE]... [PROVIDER:PROBE]...\n"
    "Watch probes with bpftrace, and show each hit with its arguments, until Ctrl-C.\n"
    "\n"
    "  -p, --pid PID          watch process PID; may be given several times\n"
    "  -f, --filter FILTER    only hits that match: 'order > 9 && customer == "
    "\"Ada\"'\n"
    "  -c, --count            count the hits instead of showing them\n"
    "      --hist ARG         a histogram of an argument, by powers of two\n"
    "      --by ARG           counts (or histograms) by an argument's value\n"
    "  -s, --stack            show the program's stack with each hit\n"
    "      --string ARG       show an argument as a string (librst's probes declare theirs)\n"
    "  -n, --hits N           end after N hits\n"
    "      --seconds S        end after S seconds; S may be a fraction, as in 0.5\n"
    "      --json             print an object on each line, for programs\n"
    "      --print            show the command and script that rst would run\n"
    "      --for TOOL         show how to watch the same with bpftrace, perf, gdb, bcc, dtrace or\n"
    "                         tracefs\n"
    "  -h, --help             show this text\n"
    "\n"
    "PROVIDER:PROBE is a glob. A FILE is a program or library; rst watches it in every process\n"
    "that has it. Without -p and FILE, rst searches every process. ARG is an argument's name, or\n"
    "arg0, arg1 and so on. A FILTER compares arguments with numbers, \"texts\", true, false and\n"
    "null, by < <= > >= == !=, joined by && || ! and brackets.\n"
    "\n"
    "Examples:\n"
    "    sudo rst trace -p 4711 shop:checkout             each checkout, with its arguments\n"
    "    sudo rst trace -p 4711 'shop:*' -n 10 --json     the first ten of any kind, as JSON\n"
    "    sudo rst trace -p 4711 shop:checkout -f 'order > 9 && customer == \"Ada\"'\n"
    "    sudo rst trace -p 4711 shop:checkout --count --by customer --seconds 10\n"
    "    sudo rst trace -p 4711 shop:checkout --hist order --by customer\n"
    "    sudo rst trace -p 4711 ruby:cmethod__entry --string arg0 --string arg1\n"
    "    rst trace -p 4711 shop:checkout --for gdb        the commands for gdb instead\n"
    "\n"
    "Exit status: 0 the trace ended, also by Ctrl-C; 1 no such probe, 2 the command line makes\n"
    "no sense, 3 no such process, 4 no permission, 6 bpftrace failed, 7 there is no bpftrace.\n";

/* --------------------------------------------------------------------------- options -- */

static enum status read_hits(struct trace_options *options, const char *word)
{
    if (!read_whole(word, 1, UINT64_MAX, &options->hits))
        return say_usage("trace", "-n %s: not a number of hits", rst_quote(word).text);
    return STATUS_GOOD;
}

static enum status read_seconds(struct trace_options *options, const char *word)
{
    char *end;
    double seconds = strtod(word, &end);

    if (end == word || *end != '\0' || !(seconds >= 0.001 && seconds <= 1e9))
        return say_usage("trace", "--seconds %s: not a number of seconds", rst_quote(word).text);
    options->seconds = (uint64_t)llround(seconds * 1000);
    return STATUS_GOOD;
}

static enum status read_tool(struct trace_options *options, const char *word)
{
    static const struct {
        const char *word;
        enum trace_tool tool;
    } tools[] = {{"bpftrace", TOOL_BPFTRACE}, {"perf", TOOL_PERF},     {"gdb", TOOL_GDB},
                 {"bcc", TOOL_BCC},           {"dtrace", TOOL_DTRACE}, {"tracefs", TOOL_TRACEFS}};
    struct near near;

    near_start(&near, word);
    for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
        if (strcmp(word, tools[i].word) == 0) {
            options->tool = tools[i].tool;
            return STATUS_GOOD;
        }
        near_offer(&near, tools[i].word);
    }
    return say_usage(
        "trace", "--for %s: bpftrace, perf, gdb, bcc, dtrace and tracefs are known%s%s",
        rst_quote(word).text, near.count ? "; did you mean " : "", near.count ? near.words[0] : "");
}

static void add_string(struct trace_options *options, const char *word)
{
    options->strings =
        room_for_one(options->strings, options->string_count, sizeof(*options->strings));
    options->strings[options->string_count++] = word;
}

enum { HIST = 256, BY, STRING, SECONDS, JSON, PRINT, FOR };

static enum status take_option(struct trace_options *options, int option, char **words)
{
    switch (option) {
    case 'p':
        return search_add_pid(&options->search, "trace", optarg);
    case 'n':
        return read_hits(options, optarg);
    case SECONDS:
        return read_seconds(options, optarg);
    case FOR:
        return read_tool(options, optarg);
    case 'f':
        options->filter = optarg;
        break;
    case 'c':
        options->counts = true;
        break;
    case 's':
        options->stack = true;
        break;
    case HIST:
        options->hist = optarg;
        break;
    case BY:
        options->by = optarg;
        break;
    case STRING:
        add_string(options, optarg);
        break;
    case JSON:
        options->json = true;
        break;
    case PRINT:
        options->print = true;
        break;
    default:
        return say_bad_option("trace", option, words);
    }
    return STATUS_GOOD;
}

/* Refuse options that exclude each other. */
static enum status check(struct trace_options *options)
{
    const struct search *search = &options->search;

    if (search->pid_count + search->file_count + search->glob_count == 0)
        return say_usage("trace", "name what to watch: a probe, as in 'shop:*', or a "
                                  "process with -p");
    if (options->counts && options->hist)
        return say_usage("trace", "--hist includes the counts; give --hist or --count, not both");
    if (options->by || options->counts)
        options->mode = TRACE_COUNT;
    if (options->hist)
        options->mode = TRACE_HISTOGRAM;
    if (options->mode != TRACE_HITS && options->hits)
        return say_usage("trace", "-n is for hits that are shown; end a count with --seconds");
    if (options->mode != TRACE_HITS && options->stack)
        return say_usage("trace", "--stack is for hits that are shown, not for counts");
    if (options->print && options->tool != TOOL_NONE)
        return say_usage("trace",
                         "--print shows what rst would run; give --print or --for, not both");
    if (options->tool == TOOL_DTRACE && (search->pid_count != 1 || search->file_count > 0))
        return say_usage("trace", "DTrace has the process's id in the provider's name: name one "
                                  "process with -p, and no file");
    return STATUS_GOOD;
}

static enum status parse(int count, char **words, struct trace_options *options)
{
    static const struct option known[] = {
        {"pid", required_argument, NULL, 'p'},
        {"filter", required_argument, NULL, 'f'},
        {"count", no_argument, NULL, 'c'},
        {"hist", required_argument, NULL, HIST},
        {"by", required_argument, NULL, BY},
        {"stack", no_argument, NULL, 's'},
        {"string", required_argument, NULL, STRING},
        {"hits", required_argument, NULL, 'n'},
        {"seconds", required_argument, NULL, SECONDS},
        {"json", no_argument, NULL, JSON},
        {"print", no_argument, NULL, PRINT},
        {"for", required_argument, NULL, FOR},
        {NULL, 0, NULL, 0},
    };
    enum status status = STATUS_GOOD;
    int option;

    while (status == STATUS_GOOD && (option = next_option(count, words, "p:f:csn:", known)) != -1)
        status = take_option(options, option, words);
    for (; status == STATUS_GOOD && optind < count; optind++)
        search_add_word(&options->search, words[optind]);
    return status == STATUS_GOOD ? check(options) : status;
}

/* ------------------------------------------------------------------------------- run -- */

/* If a process could not be searched, the reason may be the same. This says what to do about it. */
static enum status say_root(void)
{
    say("tracing needs root; put sudo before it: sudo rst trace ... "
        "(without root: --for gdb, --print)");
    return STATUS_FORBIDDEN;
}

static enum status print_script(const struct trace *trace)
{
    struct text script = {0};

    text_add(&script, "\n");
    trace_script(trace, false, &script);
    trace_print_command(trace, script.bytes, false);
    free(script.bytes);
    return STATUS_GOOD;
}

/*
 * Scripts for other tools need no bpftrace on this machine. They are written as for a new version.
 */
static enum status find_bpftrace(struct trace *trace)
{
    const struct trace_options *options = &trace->options;

    if (options->tool == TOOL_NONE && !options->print && geteuid() != 0)
        return say_root();
    if (options->tool == TOOL_NONE || options->tool == TOOL_BPFTRACE)
        return trace_find_bpftrace(&trace->bpftrace);
    trace->bpftrace =
        (struct trace_bpftrace){.version = 100, .string_size = 1024, .string_room = 1023};
    return STATUS_GOOD;
}

/*
 * Whether a FILE was not found. Then nothing is watched: a mistyped name must not make rst watch
 * more than the user wants.
 */
static bool lacks_a_file(const struct trace *trace)
{
    size_t files = 0;

    for (size_t i = 0; i < trace->findings.source_count; i++)
        files += trace->findings.sources[i]->pid == 0;
    return files < trace->options.search.file_count;
}

static enum status act(struct trace *trace)
{
    if (trace->options.tool != TOOL_NONE)
        return trace_print_tool(trace);
    if (trace->options.print && (trace->options.hits || trace->options.seconds))
        say("only rst counts hits and seconds: this command runs until Ctrl-C");
    return trace->options.print ? print_script(trace) : trace_run(trace);
}

static enum status trace_once(struct trace *trace)
{
    enum status found, status;

    find_probes(&trace->options.search, &trace->findings);
    found = trace->findings.status;
    if (trace->findings.count == 0)
        return found == STATUS_GOOD ? STATUS_NONE : found;
    if (found != STATUS_GOOD && lacks_a_file(trace))
        return found;
    status = trace_plan(trace);
    if (status == STATUS_GOOD)
        status = act(trace);
    return status == STATUS_GOOD ? found : status;
}

static enum status trace(struct trace *trace)
{
    enum status status = find_bpftrace(trace);

    for (int i = 0; status == STATUS_GOOD && i < MOST_TRIES; i++) {
        trace->again = false;
        status = trace_once(trace);
        if (!trace->again || i + 1 == MOST_TRIES)
            break;
        trace_plan_free(trace);
        status = STATUS_GOOD;
    }
    if (trace->again)
        say("processes end faster than rst can watch them: name those that you mean with -p");
    return status;
}

static enum status run(int count, char **words)
{
    struct trace traced = {0};
    enum status status = parse(count, words, &traced.options);

    if (status == STATUS_GOOD)
        status = trace(&traced);
    trace_free(&traced);
    return status;
}

const struct command trace_command = {
    "trace", "watch probes: each hit with its arguments, counts, histograms", help, run};
