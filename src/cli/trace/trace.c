/* SPDX-License-Identifier: MIT */
/*
 * rst trace: watch probes, and show each hit with its arguments. This is its command line.
 */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/base/text.h"
#include "cli/trace/bpf/bpf.h"
#include "cli/trace/bpf/insn.h"
#include "cli/trace/run.h"
#include "cli/trace/tools/tool.h"
#include "error.h"

static const char help[] =
    "Usage: rst trace [OPTION]... [-p PID]... [FILE]... [PROVIDER:PROBE]...\n"
    "Watch probes, and show each hit with its arguments, until Ctrl-C.\n"
    "\n"
    "  -p, --pid PID          watch process PID; may be given several times\n"
    "  -f, --filter FILTER    only hits that match: 'order > 9 && customer == \"Ada\"'\n"
    "  -c, --count            count the hits instead of showing them\n"
    "      --hist ARG         a histogram of an argument, by powers of two\n"
    "      --by ARG           counts (or histograms) by an argument's value\n"
    "      --every S          print the counts every S seconds, not only at the end\n"
    "      --top              counts as a table that is redrawn, the most frequent first\n"
    "  -s, --stack            show the program's stack with each hit\n"
    "      --string ARG       show an argument as a string (librst's probes declare theirs)\n"
    "      --string-bytes N   show up to N bytes of a string: 1 to 4096, without it 256\n"
    "  -n, --hits N           end after N hits\n"
    "      --seconds S        end after S seconds; S may be a fraction, as in 0.5\n"
    "      --json             print an object on each line, for programs\n"
    "      --print            show what would be watched, and do not watch it\n"
    "      --for TOOL         show how to watch the same with bpftrace, perf, gdb, bcc, dtrace or\n"
    "                         tracefs\n"
    "  -h, --help             show this text\n"
    "\n"
    "PROVIDER:PROBE is a glob, of which an empty side means *. A FILE is a program or library; "
    "rst\n"
    "watches it in every process that has it. Without -p and FILE, rst searches every process. "
    "ARG\n"
    "is an argument's name, or arg0, arg1 and so on. A FILTER compares arguments with numbers,\n"
    "\"texts\", true, false and null, by < <= > >= == !=, joined by && || ! and brackets.\n"
    "\n"
    "rst watches the probes that are there when it starts, not those that a process loads later.\n"
    "With -p, it does not watch children that the process forks; without -p, it does.\n"
    "\n"
    "Examples:\n"
    "    sudo rst trace -p 4711 shop:checkout             each checkout, with its arguments\n"
    "    sudo rst trace -p 4711 'shop:*' -n 10 --json     the first ten of any kind, as JSON\n"
    "    sudo rst trace -p 4711 shop:checkout -f 'order > 9 && customer == \"Ada\"'\n"
    "    sudo rst trace -p 4711 shop:checkout --count --by customer --seconds 10\n"
    "    sudo rst trace -p 4711 shop:checkout --hist order --by customer\n"
    "    sudo rst trace -p 4711 'shop:*' --top            which probes are hit most, live\n"
    "    sudo rst trace -p 4711 ruby:cmethod__entry --string arg0 --string arg1\n"
    "    rst trace -p 4711 shop:checkout --for gdb        the commands for gdb instead\n"
    "\n"
    "Exit status: 0 the trace ended, also by Ctrl-C; 1 no such probe, 2 the command line makes\n"
    "no sense, 3 no such process, 4 no permission, 6 the trace failed, 7 rst can't trace here.\n";

enum { HIST = 256, BY, EVERY, TOP, STRING, STRING_BYTES, SECONDS, JSON, PRINT, FOR };

static const struct option known[] = {
    {"pid", required_argument, NULL, 'p'},
    {"filter", required_argument, NULL, 'f'},
    {"count", no_argument, NULL, 'c'},
    {"hist", required_argument, NULL, HIST},
    {"by", required_argument, NULL, BY},
    {"every", required_argument, NULL, EVERY},
    {"top", no_argument, NULL, TOP},
    {"stack", no_argument, NULL, 's'},
    {"string", required_argument, NULL, STRING},
    {"string-bytes", required_argument, NULL, STRING_BYTES},
    {"hits", required_argument, NULL, 'n'},
    {"seconds", required_argument, NULL, SECONDS},
    {"json", no_argument, NULL, JSON},
    {"print", no_argument, NULL, PRINT},
    {"for", required_argument, NULL, FOR},
    {NULL, 0, NULL, 0},
};

static enum status read_number(const char *option, uint64_t most, const char *what, uint64_t *ret)
{
    if (!read_whole(optarg, 1, most, ret))
        return say_usage("trace", "%s %s: not a whole number of %s", option, rst_quote(optarg).text,
                         what);
    return STATUS_GOOD;
}

static enum status read_seconds(const char *option, uint64_t *ret)
{
    char *end;
    double seconds = strtod(optarg, &end);

    if (end == optarg || *end != '\0' || !(seconds >= 0.001 && seconds <= 1e9))
        return say_usage("trace", "%s %s: not a number of seconds from 0.001 to 1000000000", option,
                         rst_quote(optarg).text);
    *ret = (uint64_t)llround(seconds * 1000);
    return STATUS_GOOD;
}

static enum status take_option(struct trace_options *options, int option, char **words)
{
    const struct {
        int option;
        bool *flag;        /* of one without a value */
        const char **word; /* of one that any word may follow */
    } taken[] = {
        {'c', &options->count, NULL}, {'s', &options->stack, NULL},   {TOP, &options->top, NULL},
        {JSON, &options->json, NULL}, {PRINT, &options->print, NULL}, {'f', NULL, &options->filter},
        {HIST, NULL, &options->hist}, {BY, NULL, &options->by},       {FOR, NULL, &options->tool},
    };

    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (taken[i].option != option)
            continue;
        if (taken[i].flag)
            *taken[i].flag = true;
        else
            *taken[i].word = optarg;
        return STATUS_GOOD;
    }
    switch (option) {
    case 'p':
        return search_add_pid(&options->search, "trace", optarg);
    case 'n':
        return read_number("-n", UINT64_MAX, "hits, 1 or more", &options->hits);
    case STRING_BYTES:
        return read_number("--string-bytes", TRACE_MOST_STRING_BYTES, "bytes from 1 to 4096",
                           &options->string_bytes);
    case SECONDS:
        return read_seconds("--seconds", &options->milliseconds);
    case EVERY:
        return read_seconds("--every", &options->every);
    case STRING:
        APPEND(options->strings, options->string_count, optarg);
        return STATUS_GOOD;
    default:
        return say_bad_option("trace", option, words);
    }
}

/* Refuse options that exclude each other. */
static enum status check(struct trace_options *options)
{
    const struct search *search = &options->search;
    bool events = !options->count && !options->hist && !options->by && !options->top;
    const struct {
        bool wrong;
        const char *words;
    } faults[] = {
        {search->pid_count + search->file_count + search->glob_count == 0,
         "name what to watch: a probe, as in 'shop:*', or a process with -p"},
        {options->count && options->hist,
         "--hist includes the counts; give --hist or --count, not both"},
        {!events && options->hits, "-n is for hits that are shown; end a count with --seconds"},
        {!events && options->stack, "--stack is for hits that are shown, not for counts"},
        {events && options->every,
         "--every is for counts: give --count, --by, --hist or --top with it"},
        {options->top && options->hist, "--top is a table of counts; --hist has no such table"},
        {options->top && options->json,
         "--top is for people; for programs, --every prints the counts"},
        {options->print && options->tool,
         "--print shows what rst would watch; give --print or --for, not both"},
        {options->top && !options->print && !options->tool && !isatty(STDOUT_FILENO),
         "--top needs a terminal; --every prints the counts anywhere"},
    };

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        if (faults[i].wrong)
            return say_usage("trace", "%s", faults[i].words);
    options->mode = events ? TRACE_EVENTS : options->hist ? TRACE_HISTOGRAM : TRACE_COUNT;
    return STATUS_GOOD;
}

static enum status parse(int count, char **words, struct trace_options *options)
{
    enum status status = STATUS_GOOD;
    int option;

    while (status == STATUS_GOOD &&
           (option = getopt_long(count, words, ":p:f:csn:", known, NULL)) != -1)
        status = take_option(options, option, words);
    for (; status == STATUS_GOOD && optind < count; optind++)
        search_add_word(&options->search, words[optind]);
    status = status == STATUS_GOOD ? check(options) : status;
    return status == STATUS_GOOD && options->tool ? tool_check(options) : status;
}

/* What would be attached. */
static void print_variant(const struct plan *plan, const struct plan_variant *variant)
{
    const struct plan_probe *probe = &plan->probes[variant->probe];
    const struct plan_file *file = &plan->files[variant->sites[0].file];
    struct usdt_arguments arguments;
    struct text text = {0};

    text_addf(&text, "%s in %s\n    processes   %s", probe->title, text_path(file->path).text,
              file->pid_count ? "" : " all that have the file");
    for (size_t i = 0; i < file->pid_count; i++)
        text_addf(&text, " %ld", (long)file->pids[i]);
    text_addf(&text, "\n    %zu site%s at", variant->site_count,
              variant->site_count == 1 ? "" : "s");
    for (size_t i = 0; i < variant->site_count; i++) {
        text_addf(&text, " 0x%" PRIx64, variant->sites[i].offset);
        if (variant->sites[i].semaphore)
            text_addf(&text, "(0x%" PRIx64 ")", variant->sites[i].semaphore);
    }
    text_add(&text, "\n");
    usdt_arguments(file->source->file->machine, variant->sites[0].usdt, &arguments);
    for (size_t i = 0; i < probe->argument_count && i < arguments.count; i++) {
        const struct usdt_argument *argument = &arguments.list[i];
        const struct plan_value *value = &variant->values[i];

        text_addf(&text, "    %-12s %-8s ", probe->arguments[i].name,
                  value->kind == VALUE_STRING ? "string" : argument->type);
        text_add_shown(&text, argument->operand.text, argument->operand.length);
        text_add(&text, value->size ? "\n" : ": rst can't read it\n");
    }
    fputs(text.bytes, stdout);
    free(text.bytes);
}

/* The instructions as they would be loaded where programs work on the stack (bpf/slot.c); the maps'
 * descriptors are 0, 1 and 2. */
static void print_program(const struct plan *plan, size_t variant)
{
    struct program_options own = program_options_of(plan);
    struct program program;
    struct text listing = {0};

    own.sleepable = own.by_cookie = true;
    own.counters = 1;
    own.counts = 2;
    if (program_emit(plan, variant, &own, &program) < 0) {
        printf("    the program would be too long for the kernel: shorten --filter\n");
        return;
    }
    text_add_insns(&listing, program.list, program.count);
    printf("    %zu instructions\n%s\n", program.count, listing.bytes);
    free(program.list);
    free(listing.bytes);
}

static enum status act(struct plan *plan)
{
    if (plan->options->tool)
        return tool_print(plan);
    if (!plan->options->print)
        return run_trace(plan);
    for (size_t i = 0; i < plan->variant_count; i++) {
        print_variant(plan, &plan->variants[i]);
        print_program(plan, i);
    }
    return STATUS_GOOD;
}

static enum status run(int count, char **words)
{
    struct trace_options options = {.string_bytes = TRACE_STRING_BYTES};
    struct plan plan = {0};
    enum status status = parse(count, words, &options), found;

    if (status == STATUS_GOOD) {
        status = plan_make(&options, &plan);
        found = plan.findings.status;
        if (status == STATUS_GOOD)
            status = act(&plan);
        if (status == STATUS_GOOD)
            status = found;
    }
    plan_free(&plan);
    search_free(&options.search);
    free(options.strings);
    return status;
}

const struct command trace_command = {
    "trace", "watch probes: each hit with its arguments, counts, histograms", help, run};
