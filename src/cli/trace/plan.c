/* SPDX-License-Identifier: MIT */
/*
 * From the sites that were found to the probes to watch. All sites of the same name in the same
 * file are one probe, in however many processes.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/base/quote.h"
#include "cli/find/find.h"
#include "cli/trace/trace.h"
#include "error.h"

#define MOST_PROBES 500 /* bpftrace takes time for each; its default limit is 512 */

/* --------------------------------------------------------------------------- probes -- */

static void add_pid(struct trace_probe *probe, pid_t pid)
{
    for (size_t i = 0; i < probe->pid_count; i++)
        if (probe->pids[i] == pid)
            return;
    probe->pids = room_for_one(probe->pids, probe->pid_count, sizeof(*probe->pids));
    probe->pids[probe->pid_count++] = pid;
}

/* Whether a script can have the path in quotes. bcc's Python encodes it as ASCII. */
static bool can_be_quoted(const char *path, enum trace_tool tool)
{
    for (const unsigned char *at = (const unsigned char *)path; *at; at++)
        if (*at < ' ' || *at == 0x7f || strchr("\"'\\*?[]{}:$`", *at) ||
            (*at > 0x7f && tool == TOOL_BCC))
            return false;
    return true;
}

static const char *const tool_names[] = {
    [TOOL_NONE] = "bpftrace",   [TOOL_BPFTRACE] = "bpftrace", [TOOL_PERF] = "perf",
    [TOOL_GDB] = "gdb",         [TOOL_BCC] = "bcc",           [TOOL_DTRACE] = "DTrace",
    [TOOL_TRACEFS] = "tracefs",
};

/* bpftrace searches PATH for a name without a slash. It finds other relative paths by itself. */
static char *whole_path(const char *path)
{
    char *whole = *path == '/' ? NULL : realpath(path, NULL);

    return whole ? whole : sure(strdup(path));
}

/*
 * Gives false, and reports why, if no script can name the probe. `path` is as the script would have
 * it.
 */
static bool can_be_named(const struct trace *trace, const struct found *found, const char *path)
{
    enum trace_tool tool = trace->options.tool;
    bool bare = tool == TOOL_PERF || tool == TOOL_TRACEFS; /* without quotes */
    bool named =
        is_plain_word(found->probe->provider, "-.") && is_plain_word(found->probe->name, "-.");

    if (named && (is_plain_word(path, TRACE_PATH) || (!bare && can_be_quoted(path, tool))))
        return true;
    say("skipped %s:%s: %s can't use a %s like %s", rst_quote(found->probe->provider).text,
        rst_quote(found->probe->name).text, tool_names[tool], named ? "path" : "name",
        named ? text_path(path).text : rst_quote(found->probe->name).text);
    return false;
}

static bool has_name(const struct trace_probe *probe, const struct found *found)
{
    return strcmp(probe->provider, found->probe->provider) == 0 &&
           strcmp(probe->name, found->probe->name) == 0;
}

/* Whether two findings are sites of the same probe. */
static bool is_same(const struct found *a, const struct found *b)
{
    return strcmp(a->source->path, b->source->path) == 0 &&
           strcmp(a->probe->provider, b->probe->provider) == 0 &&
           strcmp(a->probe->name, b->probe->name) == 0;
}

/* The findings are sorted by name, so those of one name are neighbours. */
static struct trace_probe *find_probe(const struct trace *trace, const struct found *found)
{
    for (size_t i = trace->probe_count; i-- > 0 && has_name(&trace->probes[i], found);)
        if (trace->probes[i].source->file == found->source->file)
            return &trace->probes[i];
    return NULL;
}

/* A site is found again in every other process that has mapped the file. Add it only once. */
static void add_site(struct trace_probe *probe, const struct found *found)
{
    if (found->source != probe->source)
        return;
    probe->sites = room_for_one(probe->sites, probe->site_count, sizeof(void *));
    probe->sites[probe->site_count++] = found->probe;
}

/* Gives false if no script can name the probe. */
static bool add_found(struct trace *trace, const struct found *found)
{
    struct trace_probe *probe = find_probe(trace, found);

    if (!probe) {
        char *path = whole_path(found->source->path);

        if (!can_be_named(trace, found, path)) {
            free(path);
            return false;
        }
        trace->probes = room_for_one(trace->probes, trace->probe_count, sizeof(*trace->probes));
        probe = &trace->probes[trace->probe_count++];
        *probe = (struct trace_probe){
            .provider = found->probe->provider,
            .name = found->probe->name,
            .source = found->source,
            .path = path,
            .site = found->probe,
        };
    }
    add_site(probe, found);
    /*
     * A process that has mapped the file has all of the probe's sites, so the first site is enough.
     */
    if (trace->options.search.pid_count > 0 && found->source->pid > 0 &&
        found->probe == probe->site)
        add_pid(probe, found->source->pid);
    return true;
}

static int compare_sites(const void *left, const void *right)
{
    const struct usdt_probe *const *a = left, *const *b = right;

    return (*a > *b) - (*a < *b);
}

/* Make probes of the findings, unless they are too many. */
static enum status add_findings(struct trace *trace)
{
    const struct found *refused = NULL;

    for (size_t i = 0; i < trace->findings.count; i++) {
        const struct found *found = &trace->findings.list[i];

        if (refused && is_same(refused, found))
            continue; /* reported for another site of the probe */
        if (!add_found(trace, found)) {
            refused = found;
            continue;
        }
        if (trace->probe_count > MOST_PROBES)
            return say_usage("trace",
                             "more than %d probes are too many to watch at once: name those "
                             "that you mean",
                             MOST_PROBES);
    }
    for (size_t i = 0; i < trace->probe_count; i++)
        qsort(trace->probes[i].sites, trace->probes[i].site_count, sizeof(void *), compare_sites);
    return trace->probe_count > 0 ? STATUS_GOOD : STATUS_FAILED;
}

/* ---------------------------------------------------------------------------- plan -- */

/* Old versions have 512 bytes of stack for a hit, and a string in a comparison takes some of it. */
static void leave_room(struct trace *trace)
{
    const char *filter = trace->options.filter;

    if (trace->bpftrace.version >= 20 || !filter || !strpbrk(filter, "\"'"))
        return;
    trace->bpftrace.string_size = 64;
    trace->bpftrace.string_room = 63;
}

static bool is_for_bpftrace(const struct trace *trace)
{
    return trace->options.tool == TOOL_NONE || trace->options.tool == TOOL_BPFTRACE;
}

/*
 * Whether the tool fails if one operand is of a kind that it can't read, as libbpf's parser does.
 */
static bool fails_over_operands(const struct trace *trace)
{
    if (is_for_bpftrace(trace))
        return trace->bpftrace.version >= 25;
    return trace->options.tool == TOOL_BCC || trace->options.tool == TOOL_DTRACE;
}

/* Whether the file was deleted or replaced: its only path is then that of the mapping. */
static bool is_gone(const struct trace_probe *probe)
{
    return strstr(probe->path, "/map_files/");
}

static bool is_refused(const struct trace *trace, const struct trace_probe *probe)
{
    if (trace->options.tool == TOOL_DTRACE && is_gone(probe)) {
        say("skipped %s:%s: DTrace opens files by name, and its file was deleted or replaced",
            probe->provider, probe->name);
        return true;
    }
    if ((!probe->has_floats && !probe->has_symbols) || !fails_over_operands(trace))
        return false;
    say("skipped %s:%s: %s%s can't watch a probe with %s among its arguments", probe->provider,
        probe->name, tool_names[trace->options.tool], is_for_bpftrace(trace) ? " from 0.25 on" : "",
        probe->has_floats ? "floating point" : "a symbol");
    return true;
}

static void free_probe(struct trace_probe *probe)
{
    for (size_t i = 0; i < probe->argument_count; i++) {
        free(probe->arguments[i].name);
        free(probe->arguments[i].place);
    }
    usdt_arguments_free(&probe->words);
    free(probe->condition);
    free(probe->path);
    free(probe->pids);
    free(probe->sites);
}

void trace_leave_out(struct trace *trace)
{
    size_t kept = 0;

    for (size_t i = 0; i < trace->probe_count; i++)
        if (trace->probes[i].left_out)
            free_probe(&trace->probes[i]);
        else
            trace->probes[kept++] = trace->probes[i];
    trace->probe_count = kept;
}

/* bpftrace 0.17 does not find a deleted or replaced file by -p, only by its path. */
static bool finds_by_pid(const struct trace *trace)
{
    if (trace->bpftrace.version >= 25)
        return true;
    for (size_t i = 0; i < trace->probe_count; i++)
        if (is_gone(&trace->probes[i]))
            return false;
    return true;
}

static bool is_alike(const struct trace_probe *a, const struct trace_probe *b)
{
    if (strcmp(a->provider, b->provider) != 0 || strcmp(a->name, b->name) != 0 ||
        a->argument_count != b->argument_count)
        return false;
    for (size_t i = 0; i < a->argument_count; i++)
        if (strcmp(a->arguments[i].name, b->arguments[i].name) != 0 ||
            a->arguments[i].kind != b->arguments[i].kind ||
            a->arguments[i].size != b->arguments[i].size ||
            a->arguments[i].is_signed != b->arguments[i].is_signed)
            return false;
    return true;
}

/* For counts, the same probe in several processes is one, even if each has a file of its own. */
static void find_alike(struct trace *trace)
{
    for (size_t i = 0; i < trace->probe_count; i++) {
        size_t first = 0;

        while (first < i && !is_alike(&trace->probes[first], &trace->probes[i]))
            first++;
        trace->probes[i].alike = first;
    }
}

enum status trace_plan(struct trace *trace)
{
    const struct search *search = &trace->options.search;
    enum status status = add_findings(trace);

    if (status != STATUS_GOOD)
        return status;
    leave_room(trace);
    for (size_t i = 0; i < trace->probe_count; i++) {
        trace_read_arguments(&trace->probes[i], &trace->bpftrace);
        trace->probes[i].left_out = is_refused(trace, &trace->probes[i]);
    }
    trace_leave_out(trace);
    if (trace->probe_count == 0)
        return STATUS_FAILED;
    if (search->pid_count == 1 && search->file_count == 0 && finds_by_pid(trace))
        trace->one_pid = search->pids[0];
    status = trace_choose(trace);
    find_alike(trace);
    return status;
}

void trace_plan_free(struct trace *trace)
{
    for (size_t i = 0; i < trace->probe_count; i++)
        free_probe(&trace->probes[i]);
    free(trace->probes);
    trace->probes = NULL;
    trace->probe_count = 0;
    findings_free(&trace->findings);
}

void trace_free(struct trace *trace)
{
    trace_plan_free(trace);
    free(trace->bpftrace.path);
    search_free(&trace->options.search);
    free(trace->options.strings);
}
