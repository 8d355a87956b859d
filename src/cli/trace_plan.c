/* SPDX-License-Identifier: MIT */
/*
 * From the sites that were found to the probes that are to be watched: one for each name and file,
 * however many sites and processes it has, with the arguments that the options name.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "lookup.h"
#include "trace.h"

#define MOST_PROBES 500 /* each takes bpftrace time; its default limit is 512 */

/* --------------------------------------------------------------------------- probes -- */

bool trace_is_plain(const char *word, const char *further)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

    if (!*word)
        return false;
    for (; *word; word++)
        if (!strchr(letters, *word) && !strchr(further, *word))
            return false;
    return true;
}

static void add_pid(struct trace_probe *probe, pid_t pid)
{
    for (size_t i = 0; i < probe->pid_count; i++)
        if (probe->pids[i] == pid)
            return;
    probe->pids = room_for_one(probe->pids, probe->pid_count, sizeof(*probe->pids));
    probe->pids[probe->pid_count++] = pid;
}

/* Gives false, and says why, for what no script can name. */
static bool can_be_named(const struct found *found)
{
    bool named =
        trace_is_plain(found->probe->provider, "-.") && trace_is_plain(found->probe->name, "-.");

    if (named && trace_is_plain(found->source->path, "/.+-@"))
        return true;
    say("%s:%s is left out: bpftrace takes no %s like %s", rst_quote(found->probe->provider).text,
        rst_quote(found->probe->name).text, named ? "path" : "name",
        rst_quote(named ? found->source->path : found->probe->name).text);
    return false;
}

static bool has_name(const struct trace_probe *probe, const struct found *found)
{
    return strcmp(probe->provider, found->probe->provider) == 0 &&
           strcmp(probe->name, found->probe->name) == 0;
}

/* Findings are sorted by name: those of one name come one after the other. */
static struct trace_probe *find_probe(const struct trace *trace, const struct found *found)
{
    for (size_t i = trace->probe_count; i-- > 0 && has_name(&trace->probes[i], found);)
        if (trace->probes[i].source->file == found->source->file)
            return &trace->probes[i];
    return NULL;
}

static void add_found(struct trace *trace, const struct found *found)
{
    struct trace_probe *probe = find_probe(trace, found);

    if (!probe) {
        trace->probes = room_for_one(trace->probes, trace->probe_count, sizeof(*trace->probes));
        probe = &trace->probes[trace->probe_count++];
        *probe = (struct trace_probe){
            .provider = found->probe->provider,
            .name = found->probe->name,
            .source = found->source,
            .site = found->probe,
        };
    }
    probe->sites += found->source->pid == probe->source->pid;
    if (trace->options.search.pid_count > 0 && found->source->pid > 0)
        add_pid(probe, found->source->pid);
}

/* Make probes of the findings, as far as they are not too many. */
static enum status add_findings(struct trace *trace)
{
    const struct found *refused = NULL;

    for (size_t i = 0; i < trace->findings.count; i++) {
        const struct found *found = &trace->findings.list[i];

        if (refused && refused->source->file == found->source->file &&
            strcmp(refused->probe->provider, found->probe->provider) == 0 &&
            strcmp(refused->probe->name, found->probe->name) == 0)
            continue; /* said of another site of it */
        if (!can_be_named(found)) {
            refused = found;
            continue;
        }
        add_found(trace, found);
        if (trace->probe_count > MOST_PROBES)
            return say_usage("trace",
                             "these are more than %d probes, the most at once: name those "
                             "that you mean",
                             MOST_PROBES);
    }
    return trace->probe_count > 0 ? STATUS_GOOD : STATUS_FAILED;
}

/* ------------------------------------------------------------------ arguments by name -- */

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

static enum status make_strings(const struct trace_options *options, struct trace_probe *probe)
{
    const struct trace_argument *argument;

    for (size_t i = 0; i < options->string_count; i++) {
        argument = trace_argument_named(probe, options->strings[i], strlen(options->strings[i]));
        if (!argument)
            return say_no_argument("--string", options->strings[i], probe);
        if (argument->size != 8)
            return say_usage("trace",
                             "--string %s: %s:%s has %d bytes there, too few for an address",
                             options->strings[i], probe->provider, probe->name, argument->size);
        probe->arguments[argument->index].kind = TRACE_STRING;
    }
    return STATUS_GOOD;
}

static enum status say_bad_filter(const char *filter, size_t at, char *words)
{
    struct text shown = {0};

    text_clear(&shown);
    text_add_shown(&shown, filter, at);
    at = text_width(shown.bytes);
    text_clear(&shown);
    text_add_shown(&shown, filter, strlen(filter));
    say("--filter: %s\n    %s\n    %*s^", words, shown.bytes, (int)at, "");
    fputs("Try 'rst trace --help'.\n", stderr);
    free(shown.bytes);
    free(words);
    return STATUS_USAGE;
}

static enum status complete(struct trace *trace, struct trace_probe *probe)
{
    const struct trace_options *options = &trace->options;
    enum status status;
    char *words = NULL;
    size_t at = 0;

    trace_read_arguments(probe, &trace->bpftrace);
    status = make_strings(options, probe);
    if (status == STATUS_GOOD && options->by)
        status = choose("--by", options->by, probe, &probe->by);
    if (status == STATUS_GOOD && options->hist)
        status = choose("--hist", options->hist, probe, &probe->hist);
    if (status == STATUS_GOOD && probe->hist && probe->hist->kind == TRACE_STRING)
        status = say_usage("trace", "--hist %s: it is a string; a histogram takes numbers",
                           options->hist);
    if (status == STATUS_GOOD && options->filter) {
        probe->condition = trace_filter(options->filter, probe, &trace->bpftrace, &at, &words);
        if (!probe->condition)
            status = say_bad_filter(options->filter, at, words);
    }
    return status;
}

/* Old versions have 512 bytes for all that is done at a hit: strings to compare want theirs, too.
 */
static void leave_room(struct trace *trace)
{
    const char *filter = trace->options.filter;

    if (trace->bpftrace.version >= 20 || !filter || !strpbrk(filter, "\"'"))
        return;
    trace->bpftrace.string_size = 64;
    trace->bpftrace.string_room = 63;
}

enum status trace_plan(struct trace *trace)
{
    const struct search *search = &trace->options.search;
    enum status status = add_findings(trace);

    if (status != STATUS_GOOD)
        return status;
    leave_room(trace);
    if (search->pid_count == 1 && search->file_count == 0)
        trace->one_pid = search->pids[0];
    for (size_t i = 0; status == STATUS_GOOD && i < trace->probe_count; i++)
        status = complete(trace, &trace->probes[i]);
    return status;
}

void trace_free(struct trace *trace)
{
    for (size_t i = 0; i < trace->probe_count; i++) {
        struct trace_probe *probe = &trace->probes[i];

        for (size_t j = 0; j < probe->argument_count; j++) {
            free(probe->arguments[j].name);
            free(probe->arguments[j].place);
        }
        usdt_arguments_free(&probe->words);
        free(probe->condition);
        free(probe->pids);
    }
    free(trace->probes);
    free(trace->bpftrace.path);
    findings_free(&trace->findings);
    search_free(&trace->options.search);
    free(trace->options.strings);
}
