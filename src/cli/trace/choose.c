/* SPDX-License-Identifier: MIT */
/*
 * The arguments that --string, --by, --hist and --filter name. Of several probes, those without an
 * argument of that name are skipped.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/base/quote.h"
#include "cli/trace/trace.h"
#include "error.h"

#define MOST_NAMES 4 /* how many skipped probes a message names */

static enum status say_no_argument(const char *option, const char *name,
                                   const struct trace_probe *probe)
{
    struct text words = {0};

    text_clear(&words);
    for (size_t i = 0; i < probe->argument_count; i++)
        text_addf(&words, "%s%s", i ? ", " : "", probe->arguments[i].name);
    say_usage("trace", "%s %s: %s:%s has no %s%s", option, rst_quote(name).text, probe->provider,
              probe->name, probe->argument_count ? "such argument, only " : "arguments",
              words.bytes);
    free(words.bytes);
    return STATUS_USAGE;
}

static enum status choose(const char *option, const char *name, const struct trace_probe *probe,
                          const struct trace_argument **ret)
{
    const struct trace_argument *argument = trace_argument_named(probe, name, strlen(name));

    if (!argument)
        return say_no_argument(option, name, probe);
    if (argument->unreadable) {
        say("%s %s: this bpftrace can't read that argument of %s:%s", option, name, probe->provider,
            probe->name);
        return STATUS_FAILED;
    }
    *ret = argument;
    return STATUS_GOOD;
}

/* --------------------------------------------------------------------------- strings -- */

/* librst's note declares the argument as a number, so it can't be an address. */
static bool is_declared_number(const struct trace_argument *argument)
{
    int type = argument->site.true_type;

    return type >= 0 && type != RST_TYPE_STRING && type != RST_TYPE_POINTER;
}

/* Treat the argument as a string, if it can be one. Gives whether it can. */
static bool make_string(struct trace_probe *probe, const char *name)
{
    const struct trace_argument *argument = trace_argument_named(probe, name, strlen(name));

    if (!argument || argument->size != 8 || is_declared_number(argument))
        return false;
    probe->arguments[argument->index].kind = TRACE_STRING;
    return true;
}

static enum status say_no_string(const char *name, const struct trace_probe *probe)
{
    const struct trace_argument *argument = trace_argument_named(probe, name, strlen(name));

    if (!argument)
        return say_no_argument("--string", name, probe);
    if (is_declared_number(argument))
        return say_usage("trace", "--string %s: %s:%s declares it as %s, not as an address", name,
                         probe->provider, probe->name, argument->site.type);
    return say_usage("trace", "--string %s: in %s:%s it has %d bytes, too few for an address", name,
                     probe->provider, probe->name, argument->size);
}

static enum status make_strings(struct trace *trace)
{
    const struct trace_options *options = &trace->options;

    for (size_t i = 0; i < options->string_count; i++) {
        bool any = false;

        for (size_t j = 0; j < trace->probe_count; j++)
            any |= make_string(&trace->probes[j], options->strings[i]);
        if (!any)
            return say_no_string(options->strings[i], &trace->probes[0]);
    }
    return STATUS_GOOD;
}

/* ------------------------------------------------------------------------- skipped -- */

/* The first argument that an option names and the probe does not have; not NUL-terminated. */
struct missing {
    const char *name; /* NULL: the probe has them all */
    size_t length;
};

static struct missing missing_argument(const struct trace *trace, const struct trace_probe *probe)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    const struct trace_options *options = &trace->options;
    const char *const named[] = {options->by, options->hist};
    struct trace_filter_error error = {0};

    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
        if (named[i] && !trace_argument_named(probe, named[i], strlen(named[i])))
            return (struct missing){named[i], strlen(named[i])};
    if (options->filter)
        free(trace_filter(options->filter, probe, &trace->bpftrace, &error));
    free(error.words);
    if (!error.no_argument)
        return (struct missing){0};
    return (struct missing){options->filter + error.at,
                            strspn(options->filter + error.at, letters)};
}

static bool same_missing(struct missing a, struct missing b)
{
    return a.name && b.name && a.length == b.length && memcmp(a.name, b.name, a.length) == 0;
}

/* One message for the probes without the same argument, beginning with the first of them. */
static void say_skipped(const struct trace *trace, const struct missing *missing, size_t first)
{
    struct text names = {0};
    size_t count = 0;

    text_clear(&names);
    for (size_t i = first; i < trace->probe_count; i++)
        if (same_missing(missing[i], missing[first]) && ++count <= MOST_NAMES)
            text_addf(&names, "%s%s:%s", count > 1 ? ", " : "", trace->probes[i].provider,
                      trace->probes[i].name);
    if (count > MOST_NAMES)
        text_addf(&names, " and %zu more", count - MOST_NAMES);
    say("skipped, because %s no argument %s: %s", count == 1 ? "it has" : "they have",
        rst_quote_bytes(missing[first].name, missing[first].length).text, names.bytes);
    free(names.bytes);
}

static void say_all_skipped(const struct trace *trace, const struct missing *missing)
{
    for (size_t i = 0; i < trace->probe_count; i++) {
        size_t first = 0;

        while (first < i && !same_missing(missing[first], missing[i]))
            first++;
        if (missing[i].name && first == i)
            say_skipped(trace, missing, i);
    }
}

/* Skip the probes that lack an argument. If all do, none is skipped, and complete() says why. */
static void skip_lacking(struct trace *trace)
{
    struct missing *missing = sure(calloc(trace->probe_count + 1, sizeof(*missing)));
    size_t count = 0;

    for (size_t i = 0; i < trace->probe_count; i++) {
        missing[i] = missing_argument(trace, &trace->probes[i]);
        trace->probes[i].left_out = missing[i].name;
        count += trace->probes[i].left_out;
    }
    if (count > 0 && count < trace->probe_count) {
        say_all_skipped(trace, missing);
        trace_leave_out(trace);
    }
    free(missing);
}

/* ------------------------------------------------------------------------------- all -- */

static enum status say_bad_filter(const char *filter, struct trace_filter_error *error)
{
    size_t at = error->at;
    struct text shown = {0};

    text_clear(&shown);
    text_add_shown(&shown, filter, at);
    at = text_width(shown.bytes);
    text_clear(&shown);
    text_add_shown(&shown, filter, strlen(filter));
    say("--filter: %s\n    %s\n    %*s^", error->words, shown.bytes, (int)at, "");
    fputs("Try 'rst trace --help'.\n", stderr);
    free(shown.bytes);
    free(error->words);
    return STATUS_USAGE;
}

static enum status complete(const struct trace *trace, struct trace_probe *probe)
{
    const struct trace_options *options = &trace->options;
    enum status status = STATUS_GOOD;
    struct trace_filter_error error;

    if (options->by)
        status = choose("--by", options->by, probe, &probe->by);
    if (status == STATUS_GOOD && options->hist)
        status = choose("--hist", options->hist, probe, &probe->hist);
    if (status == STATUS_GOOD && probe->hist && probe->hist->kind == TRACE_STRING)
        status = say_usage("trace", "--hist %s: it is a string; a histogram takes numbers",
                           options->hist);
    if (status == STATUS_GOOD && options->filter) {
        probe->condition = trace_filter(options->filter, probe, &trace->bpftrace, &error);
        if (!probe->condition)
            status = say_bad_filter(options->filter, &error);
    }
    return status;
}

enum status trace_choose(struct trace *trace)
{
    enum status status = make_strings(trace);

    if (status == STATUS_GOOD)
        skip_lacking(trace);
    for (size_t i = 0; status == STATUS_GOOD && i < trace->probe_count; i++)
        status = complete(trace, &trace->probes[i]);
    return status;
}
