/* SPDX-License-Identifier: MIT */
/*
 * Prints a hit as a line: for people, or of JSON. If some of its records were lost, the others are
 * shown.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/base/json.h"
#include "cli/base/quote.h"
#include "cli/base/table.h"
#include "cli/trace/hits.h"

/*
 * How much of a string to show. bpftrace does not say whether it cut a string that fills its
 * buffer.
 */
size_t trace_shown_size(const struct trace_bpftrace *bpftrace, const char *bytes, size_t size)
{
    size_t lead;

    if (size < bpftrace->string_room)
        return size;
    size = bpftrace->string_room - 1;
    /* Half a character of UTF-8 at the end comes from the cut. */
    for (lead = size; lead > 0 && size - lead < 3 && (bytes[lead - 1] & 0xc0) == 0x80;)
        lead--;
    if (lead > 0 && (bytes[lead - 1] & 0x80)) {
        unsigned char first = (unsigned char)bytes[lead - 1];
        size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;

        if (length > size - lead + 1)
            size = lead - 1;
    }
    return size;
}

static size_t shown_size(const struct trace_hits *hits, const struct text *string)
{
    return trace_shown_size(&hits->trace->bpftrace, string->bytes, string->size);
}

/* ------------------------------------------------------------------------------ text -- */

static const char *colour(const struct trace_hits *hits, const char *code)
{
    return hits->colours ? code : "";
}

static void add_frames(struct text *ret, const struct text *stack)
{
    const char *at = stack->bytes, *end = at + stack->size;

    while (at < end) {
        size_t length = strcspn(at, "\n"), blanks = strspn(at, " \t");

        if (blanks < length) {
            text_add(ret, "\n        ");
            text_add_shown(ret, at + blanks, length - blanks);
        }
        at += length + (at + length < end);
    }
}

static void add_argument(const struct trace_hits *hits, struct text *ret, const struct hit *hit,
                         size_t i)
{
    const struct trace_argument *argument = &hit->probe->arguments[i];
    size_t size;

    text_addf(ret, " %s%s=%s", colour(hits, "\033[2m"), argument->name, colour(hits, "\033[0m"));
    if (argument->unreadable ||
        (argument->kind == TRACE_STRING && hit->values[i] && !hit->came[i])) {
        text_add(ret, "?");
    } else if (argument->kind == TRACE_STRING && hit->values[i] == 0) {
        text_add(ret, "NULL");
    } else if (argument->kind == TRACE_STRING) {
        size = shown_size(hits, &hit->strings[i]);
        trace_add_quoted(ret, hit->strings[i].bytes, size);
        if (size < hit->strings[i].size)
            text_add(ret, table_has_unicode() ? "…" : "...");
    } else {
        trace_add_value(ret, argument, hit->values[i]);
    }
}

static void add_time(const struct trace_hits *hits, const struct hit *hit, struct text *ret)
{
    int64_t time = hits->epoch + (int64_t)hit->nanoseconds;
    time_t seconds = (time_t)(time / 1000000000);
    struct tm parts;
    char words[16];

    localtime_r(&seconds, &parts);
    strftime(words, sizeof(words), "%H:%M:%S", &parts);
    text_addf(ret, "%s%s.%06d%s ", colour(hits, "\033[2m"), words, (int)(time % 1000000000 / 1000),
              colour(hits, "\033[0m"));
}

static void add_thread(const struct trace_hits *hits, const struct hit *hit, struct text *ret)
{
    if (!hits->trace->one_pid) {
        text_add_shown(ret, hit->comm.bytes, hit->comm.size);
        text_addf(ret, " %" PRIu64 "/", hit->pid);
    }
    text_addf(ret, "%" PRIu64 " ", hit->tid);
}

static void print_text(struct trace_hits *hits, const struct hit *hit)
{
    struct text *line = &hits->line;

    text_clear(line);
    add_time(hits, hit, line);
    add_thread(hits, hit, line);
    text_addf(line, "%s%s:%s%s", colour(hits, "\033[1m"), hit->probe->provider, hit->probe->name,
              colour(hits, "\033[0m"));
    for (size_t i = 0; i < hit->probe->argument_count; i++)
        add_argument(hits, line, hit, i);
    if (hits->trace->options.stack && hit->stack.size)
        add_frames(line, &hit->stack);
    text_add(line, "\n");
    fwrite(line->bytes, 1, line->size, stdout);
}

/* ------------------------------------------------------------------------------ JSON -- */

static void write_frames(struct json *json, const struct text *stack)
{
    const char *at = stack->bytes, *end = at + stack->size;

    json_open(json, "stack", '[');
    while (at < end) {
        size_t length = strcspn(at, "\n"), blanks = strspn(at, " \t");

        if (blanks < length)
            json_bytes(json, NULL, at + blanks, length - blanks);
        at += length + (at + length < end);
    }
    json_close(json, '[');
}

static void write_argument(const struct trace_hits *hits, struct json *json, const struct hit *hit,
                           size_t i)
{
    const struct trace_argument *argument = &hit->probe->arguments[i];

    if (argument->unreadable ||
        (argument->kind == TRACE_STRING && (!hit->values[i] || !hit->came[i])))
        json_null(json, argument->name);
    else if (argument->kind == TRACE_STRING)
        json_bytes(json, argument->name, hit->strings[i].bytes, shown_size(hits, &hit->strings[i]));
    else
        trace_json_value(json, argument->name, argument, hit->values[i]);
}

/* Add what the values don't tell: which strings were cut, and which are missing. */
static void write_notes(const struct trace_hits *hits, struct json *json, const struct hit *hit,
                        const char *name, bool cut)
{
    bool any = false;

    for (size_t i = 0; i < hit->probe->argument_count; i++) {
        const struct trace_argument *argument = &hit->probe->arguments[i];
        bool lost = argument->unreadable ||
                    (argument->kind == TRACE_STRING && hit->values[i] && !hit->came[i]);

        if (cut && (argument->kind != TRACE_STRING || !hit->came[i] ||
                    shown_size(hits, &hit->strings[i]) == hit->strings[i].size))
            continue;
        if (!cut && !lost)
            continue;
        if (!any)
            json_open(json, name, '[');
        any = true;
        json_string(json, NULL, argument->name);
    }
    if (any)
        json_close(json, '[');
}

static void print_json(struct trace_hits *hits, const struct hit *hit)
{
    struct json json = {.out = stdout};

    json_open(&json, NULL, '{');
    json_signed(&json, "time", hits->epoch + (int64_t)hit->nanoseconds);
    json_number(&json, "pid", hit->pid);
    json_number(&json, "tid", hit->tid);
    json_bytes(&json, "comm", hit->comm.bytes, hit->comm.size);
    json_string(&json, "provider", hit->probe->provider);
    json_string(&json, "probe", hit->probe->name);
    json_open(&json, "args", '{');
    for (size_t i = 0; i < hit->probe->argument_count; i++)
        write_argument(hits, &json, hit, i);
    json_close(&json, '{');
    write_notes(hits, &json, hit, "cut", true);
    write_notes(hits, &json, hit, "lost", false);
    if (hits->trace->options.stack && hit->stack.size)
        write_frames(&json, &hit->stack);
    json_close(&json, '{');
    fputs("\n", stdout);
}

void trace_show(struct trace_hits *hits, const struct hit *hit)
{
    if (hits->trace->options.json)
        print_json(hits, hit);
    else
        print_text(hits, hit);
}
