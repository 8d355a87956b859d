/* SPDX-License-Identifier: MIT */
/*
 * An event as a line: for people, or of JSON. Where a record was lost, what came of it is shown.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/base/json.h"
#include "cli/base/quote.h"
#include "cli/base/table.h"
#include "cli/trace/events.h"

/* How much of a string to show: bpftrace does not say whether one that fills its room goes on. */
size_t trace_shown_size(const struct trace_bpftrace *bpftrace, const char *bytes, size_t size)
{
    size_t lead;

    if (size < bpftrace->string_room)
        return size;
    size = bpftrace->string_room - 1;
    /* Half a character of UTF-8 is the cut's doing. */
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

static size_t shown_size(const struct trace_events *events, const struct text *string)
{
    return trace_shown_size(&events->trace->bpftrace, string->bytes, string->size);
}

/* ------------------------------------------------------------------------------ text -- */

static const char *colour(const struct trace_events *events, const char *code)
{
    return events->colours ? code : "";
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

static void add_argument(const struct trace_events *events, struct text *ret,
                         const struct event *event, size_t i)
{
    const struct trace_argument *argument = &event->probe->arguments[i];
    size_t size;

    text_addf(ret, " %s%s=%s", colour(events, "\033[2m"), argument->name,
              colour(events, "\033[0m"));
    if (argument->unreadable ||
        (argument->kind == TRACE_STRING && event->values[i] && !event->came[i])) {
        text_add(ret, "?");
    } else if (argument->kind == TRACE_STRING && event->values[i] == 0) {
        text_add(ret, "NULL");
    } else if (argument->kind == TRACE_STRING) {
        size = shown_size(events, &event->strings[i]);
        trace_add_quoted(ret, event->strings[i].bytes, size);
        if (size < event->strings[i].size)
            text_add(ret, table_has_unicode() ? "…" : "...");
    } else {
        trace_add_value(ret, argument, event->values[i]);
    }
}

static void add_time(const struct trace_events *events, const struct event *event, struct text *ret)
{
    int64_t time = events->epoch + (int64_t)event->nanoseconds;
    time_t seconds = (time_t)(time / 1000000000);
    struct tm parts;
    char words[16];

    localtime_r(&seconds, &parts);
    strftime(words, sizeof(words), "%H:%M:%S", &parts);
    text_addf(ret, "%s%s.%06d%s ", colour(events, "\033[2m"), words,
              (int)(time % 1000000000 / 1000), colour(events, "\033[0m"));
}

static void add_thread(const struct trace_events *events, const struct event *event,
                       struct text *ret)
{
    if (!events->trace->one_pid) {
        text_add_shown(ret, event->comm.bytes, event->comm.size);
        text_addf(ret, " %" PRIu64 "/", event->pid);
    }
    text_addf(ret, "%" PRIu64 " ", event->tid);
}

static void print_text(struct trace_events *events, const struct event *event)
{
    struct text *line = &events->line;

    text_clear(line);
    add_time(events, event, line);
    add_thread(events, event, line);
    text_addf(line, "%s%s:%s%s", colour(events, "\033[1m"), event->probe->provider,
              event->probe->name, colour(events, "\033[0m"));
    for (size_t i = 0; i < event->probe->argument_count; i++)
        add_argument(events, line, event, i);
    if (events->trace->options.stack && event->stack.size)
        add_frames(line, &event->stack);
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

static void write_argument(const struct trace_events *events, struct json *json,
                           const struct event *event, size_t i)
{
    const struct trace_argument *argument = &event->probe->arguments[i];

    if (argument->unreadable ||
        (argument->kind == TRACE_STRING && (!event->values[i] || !event->came[i])))
        json_null(json, argument->name);
    else if (argument->kind == TRACE_STRING)
        json_bytes(json, argument->name, event->strings[i].bytes,
                   shown_size(events, &event->strings[i]));
    else
        trace_json_value(json, argument->name, argument, event->values[i]);
}

/* What the values alone don't tell: which strings are cut, and which are not there. */
static void write_notes(const struct trace_events *events, struct json *json,
                        const struct event *event, const char *name, bool cut)
{
    bool any = false;

    for (size_t i = 0; i < event->probe->argument_count; i++) {
        const struct trace_argument *argument = &event->probe->arguments[i];
        bool lost = argument->unreadable ||
                    (argument->kind == TRACE_STRING && event->values[i] && !event->came[i]);

        if (cut && (argument->kind != TRACE_STRING || !event->came[i] ||
                    shown_size(events, &event->strings[i]) == event->strings[i].size))
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

static void print_json(struct trace_events *events, const struct event *event)
{
    struct json json = {.out = stdout};

    json_open(&json, NULL, '{');
    json_signed(&json, "time", events->epoch + (int64_t)event->nanoseconds);
    json_number(&json, "pid", event->pid);
    json_number(&json, "tid", event->tid);
    json_bytes(&json, "comm", event->comm.bytes, event->comm.size);
    json_string(&json, "provider", event->probe->provider);
    json_string(&json, "probe", event->probe->name);
    json_open(&json, "args", '{');
    for (size_t i = 0; i < event->probe->argument_count; i++)
        write_argument(events, &json, event, i);
    json_close(&json, '{');
    write_notes(events, &json, event, "cut", true);
    write_notes(events, &json, event, "lost", false);
    if (events->trace->options.stack && event->stack.size)
        write_frames(&json, &event->stack);
    json_close(&json, '{');
    fputs("\n", stdout);
}

void trace_show(struct trace_events *events, const struct event *event)
{
    if (events->trace->options.json)
        print_json(events, event);
    else
        print_text(events, event);
}
