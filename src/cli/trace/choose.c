/* SPDX-License-Identifier: MIT */
/*
 * The arguments that options name: --string, --by, --hist and --filter. With several probes they
 * are meant for those that have them; the others are left out.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/base/quote.h"
#include "cli/trace/trace.h"
#include "error.h"

#define MOST_NAMES 4 /* of probes that are left out */

static enum status say_no_argument(const char *option, const char *name,
                                   const struct trace_probe *probe)
{
    struct text words = {0};

    text_clear(&words);
    for (size_t i = 0; i < probe->argument_count; i++)
        text_addf(&words, "%s%s", i ? ", " : "", probe->arguments[i].name);
    say_usage("trace", "%s %s: %s:%s has no such argument, but %s", option, rst_quote(name).text,
              probe->provider, probe->name, probe->argument_count ? words.bytes : "none");
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

/* librst's own note says what it is: no number is an address. */
static bool is_declared_number(const struct trace_argument *argument)
{
    int type = argument->site.true_type;

    return type >= 0 && type != RST_TYPE_STRING && type != RST_TYPE_POINTER;
}

/* Make it a string where it can be one. Gives whether it can. */
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
        return say_usage("trace", "--string %s: %s:%s says that it is %s, and no address", name,
                         probe->provider, probe->name, argument->site.type);
    return say_usage("trace", "--string %s: %s:%s has %d bytes there, too few for an address", name,
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

/* ------------------------------------------------------------------------- left out -- */

static bool lacks(const struct trace_probe *probe, const char *name)
{
    return name && !trace_argument_named(probe, name, strlen(name));
}

static bool filter_lacks(const struct trace *trace, const struct trace_probe *probe)
{
    struct trace_filter_error error = {0};

    if (trace->options.filter)
        free(trace_filter(trace->options.filter, probe, &trace->bpftrace, &error));
    free(error.words);
    return error.no_argument;
}

static void say_left_out(const struct trace *trace, size_t count)
{
    struct text names = {0};
    size_t named = 0;

    text_clear(&names);
    for (size_t i = 0; i < trace->probe_count && named < MOST_NAMES; i++)
        if (trace->probes[i].left_out)
            text_addf(&names, "%s%s:%s", named++ ? ", " : "", trace->probes[i].provider,
                      trace->probes[i].name);
    if (count > named)
        text_addf(&names, " and %zu more", count - named);
    say("left out for want of such an argument: %s", names.bytes);
    free(names.bytes);
}

/* Leave out the probes without an argument that is named, unless all are. */
static void leave_out_lacking(struct trace *trace)
{
    const struct trace_options *options = &trace->options;
    size_t count = 0;

    for (size_t i = 0; i < trace->probe_count; i++) {
        struct trace_probe *probe = &trace->probes[i];

        probe->left_out =
            lacks(probe, options->by) || lacks(probe, options->hist) || filter_lacks(trace, probe);
        count += probe->left_out;
    }
    if (count == 0 || count == trace->probe_count)
        return;
    say_left_out(trace, count);
    trace_leave_out(trace);
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
        leave_out_lacking(trace);
    for (size_t i = 0; status == STATUS_GOOD && i < trace->probe_count; i++)
        status = complete(trace, &trace->probes[i]);
    return status;
}
