/* SPDX-License-Identifier: MIT */
/*
 * Prints a hit as a line: for people, or of JSON. With --stack, people get a further line for each
 * frame.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/base/command.h"
#include "cli/base/quote.h"
#include "cli/base/table.h"
#include "cli/trace/show/show.h"

struct show {
    const struct plan *plan;
    struct stacks *stacks;
    int64_t epoch; /* added to an event's time, it gives UTC */
    bool colours, one_process;
    struct text line;
    time_t second; /* `clock` is a time in it */
    char clock[32];
};

int64_t show_epoch(void)
{
    struct timespec boot, now;

    clock_gettime(CLOCK_BOOTTIME, &boot);
    clock_gettime(CLOCK_REALTIME, &now);
    return ((int64_t)now.tv_sec - boot.tv_sec) * 1000000000 + now.tv_nsec - boot.tv_nsec;
}

/* Whether every event comes from the same process, whose name and id people know. */
static bool has_one_process(const struct plan *plan)
{
    for (size_t i = 0; i < plan->file_count; i++)
        if (plan->files[i].pid_count != 1 || plan->files[i].pids[0] != plan->files[0].pids[0])
            return false;
    return plan->file_count > 0;
}

struct show *show_new(const struct plan *plan, struct stacks *stacks)
{
    struct show *show = sure(calloc(1, sizeof(*show)));

    *show = (struct show){
        .plan = plan,
        .stacks = stacks,
        .epoch = show_epoch(),
        .colours = table_has_colour(),
        .one_process = has_one_process(plan),
        .second = -1,
    };
    return show;
}

void show_free(struct show *show)
{
    free(show->line.bytes);
    free(show);
}

/* ------------------------------------------------------------------------------ text -- */

#define BOLD "\033[1m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

static void colour(struct show *show, const char *code)
{
    if (show->colours)
        text_add(&show->line, code);
}

static void add_time(struct show *show, const struct event *event)
{
    int64_t time = show->epoch + (int64_t)event->time;
    time_t second = (time_t)(time / 1000000000);
    int microseconds = (int)(time % 1000000000 / 1000);
    struct tm parts;

    if (second != show->second) {
        localtime_r(&second, &parts);
        strftime(show->clock, sizeof(show->clock), "%H:%M:%S.000000", &parts);
        show->second = second;
    }
    for (char *digit = show->clock + strlen(show->clock); *--digit != '.'; microseconds /= 10)
        *digit = (char)('0' + microseconds % 10);
    colour(show, DIM);
    text_add(&show->line, show->clock);
    colour(show, PLAIN);
}

static void add_id(struct text *line, pid_t id, const char *end)
{
    if (id)
        show_digits(line, (uint64_t)id);
    else
        text_add(line, "?");
    text_add(line, end);
}

static void add_thread(struct show *show, const struct event *event)
{
    text_add(&show->line, " ");
    if (!show->one_process) {
        text_add_shown(&show->line, event->comm, strnlen(event->comm, sizeof(event->comm)));
        text_add(&show->line, " ");
        add_id(&show->line, event->pid, "/");
    }
    add_id(&show->line, event->tid, " ");
}

/* The last part of a module's path. A memfd counts as deleted, which people need not read. */
static void add_module(struct text *ret, const char *path)
{
    static const char memfd[] = "/memfd:", deleted[] = " (deleted)";
    const char *name = strrchr(path, '/');
    size_t size = name ? strlen(name) : 0;

    if (size >= sizeof(memfd) + sizeof(deleted) - 2 && memcmp(name, memfd, strlen(memfd)) == 0)
        size -= strlen(deleted);
    if (size > 0)
        text_add_shown(ret, name + 1, size - 1);
}

/* function+offset file:line (module) */
static void add_frame(struct text *ret, const struct frame *frame)
{
    text_add(ret, "\n        ");
    if (frame->function) {
        text_add_shown(ret, frame->function, strlen(frame->function));
        text_addf(ret, "+%" PRIu64, frame->offset);
    } else {
        text_addf(ret, "0x%" PRIx64, frame->address);
    }
    if (frame->file) {
        text_add(ret, " ");
        text_add_shown(ret, frame->file, strlen(frame->file));
        text_addf(ret, ":%d", frame->line);
    }
    if (!frame->module)
        return;
    text_add(ret, " (");
    add_module(ret, frame->module);
    if (!frame->function) /* for addr2line(1) */
        text_addf(ret, "+0x%" PRIx64, frame->offset);
    text_add(ret, ")");
}

static void print_text(struct show *show, const struct event *event)
{
    const struct plan_probe *probe = event->probe;
    struct text *line = &show->line;
    struct frame frame;

    text_clear(line);
    add_time(show, event);
    add_thread(show, event);
    colour(show, BOLD);
    show_probe(line, probe);
    colour(show, PLAIN);
    for (size_t i = 0; i < probe->argument_count; i++) {
        struct shown shown = shown_argument(event, i);

        text_add(line, " ");
        colour(show, DIM);
        text_add(line, probe->arguments[i].name);
        text_add(line, "=");
        colour(show, PLAIN);
        show_value(line, &shown);
    }
    for (size_t i = 0; show->stacks && i < event->frame_count; i++) {
        stacks_frame(show->stacks, event->pid, event->frames[i], i == 0, &frame);
        add_frame(line, &frame);
    }
    text_add_bytes(line, "\n", 1);
    fwrite(line->bytes, 1, line->size, stdout);
}

/* ------------------------------------------------------------------------------ JSON -- */

enum remark { CUT, UNREADABLE };

/* The names of the arguments that are cut or unreadable, if there are any. */
static void write_remark(struct json *json, const struct event *event, enum remark remark)
{
    bool any = false;

    for (size_t i = 0; i < event->probe->argument_count; i++) {
        struct shown shown = shown_argument(event, i);

        if (remark == CUT ? shown.unreadable || !shown.string.cut : !shown.unreadable)
            continue;
        if (!any)
            json_open(json, remark == CUT ? "cut" : "unreadable", '[');
        any = true;
        json_string(json, NULL, event->probe->arguments[i].name);
    }
    if (any)
        json_close(json, '[');
}

static void write_frame(struct json *json, const struct frame *frame)
{
    json_open(json, NULL, '{');
    json_number(json, "address", frame->address);
    if (frame->function)
        json_string(json, "function", frame->function);
    if (frame->function || frame->module)
        json_number(json, "offset", frame->offset);
    if (frame->file) {
        json_string(json, "file", frame->file);
        json_signed(json, "line", frame->line);
    }
    if (frame->module)
        json_string(json, "module", frame->module);
    json_close(json, '{');
}

static void write_id(struct json *json, const char *name, pid_t id)
{
    if (id)
        json_signed(json, name, id);
    else
        json_null(json, name);
}

static void print_json(struct show *show, const struct event *event)
{
    struct json json = {.out = stdout};
    struct frame frame;

    json_open(&json, NULL, '{');
    json_signed(&json, "time", show->epoch + (int64_t)event->time);
    write_id(&json, "pid", event->pid);
    write_id(&json, "tid", event->tid);
    json_bytes(&json, "comm", event->comm, strnlen(event->comm, sizeof(event->comm)));
    json_number(&json, "cpu", event->cpu);
    json_string(&json, "provider", event->probe->provider);
    json_string(&json, "probe", event->probe->name);
    json_open(&json, "args", '{');
    for (size_t i = 0; i < event->probe->argument_count; i++) {
        struct shown shown = shown_argument(event, i);

        show_json(&json, event->probe->arguments[i].name, &shown);
    }
    json_close(&json, '{');
    write_remark(&json, event, CUT);
    write_remark(&json, event, UNREADABLE);
    if (show->stacks) {
        json_open(&json, "stack", '[');
        for (size_t i = 0; i < event->frame_count; i++) {
            stacks_frame(show->stacks, event->pid, event->frames[i], i == 0, &frame);
            write_frame(&json, &frame);
        }
        json_close(&json, '[');
    }
    json_close(&json, '{');
    fputc('\n', stdout);
}

/* ------------------------------------------------------------------------------ both -- */

void show_event(struct show *show, const struct event *event)
{
    if (show->stacks)
        stacks_see(show->stacks, event->pid);
    if (show->plan->options->json)
        print_json(show, event);
    else
        print_text(show, event);
}

void show_lost(struct show *show, uint64_t count)
{
    if (show->plan->options->json)
        printf("{\"lost\":%" PRIu64 "}\n", count);
    else if (count == 1)
        say("1 hit was lost: it came faster than rst could read it");
    else
        say("%" PRIu64 " hits were lost: they came faster than rst could read them", count);
}
