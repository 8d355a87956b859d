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
#include "cli/base/table.h"
#include "cli/base/text.h"
#include "cli/trace/show/show.h"

struct show {
    const struct plan *plan;
    FILE *out;
    struct stacks *stacks;
    int64_t epoch; /* added to an event's time, it gives nanoseconds since 1970 */
    const char *bold, *dim, *plain;
    bool one_process; /* every event comes from it, and people know its name and id */
    struct text line;
    time_t second; /* which `clock` is: "11:07:42." */
    char clock[32];
};

struct show *show_new(const struct plan *plan, struct stacks *stacks, FILE *out)
{
    struct show *show = sure(calloc(1, sizeof(*show)));
    bool colours = table_has_colour();
    struct timespec boot, now;

    clock_gettime(CLOCK_BOOTTIME, &boot);
    clock_gettime(CLOCK_REALTIME, &now);
    *show = (struct show){
        .plan = plan,
        .out = out,
        .stacks = stacks,
        .epoch = ((int64_t)now.tv_sec - boot.tv_sec) * 1000000000 + now.tv_nsec - boot.tv_nsec,
        .bold = colours ? "\033[1m" : "",
        .dim = colours ? "\033[2m" : "",
        .plain = colours ? "\033[0m" : "",
        .one_process = plan->file_count > 0,
    };
    for (size_t i = 0; i < plan->file_count && show->one_process; i++)
        show->one_process =
            plan->files[i].pid_count == 1 && plan->files[i].pids[0] == plan->files[0].pids[0];
    return show;
}

void show_free(struct show *show)
{
    if (show)
        free(show->line.bytes);
    free(show);
}

static void add_time(struct show *show, int64_t time)
{
    time_t second = (time_t)(time / 1000000000);
    uint64_t microseconds = (uint64_t)time % 1000000000 / 1000;
    char digits[DECIMAL_TEXT];
    struct tm parts;

    if (second != show->second) {
        localtime_r(&second, &parts);
        strftime(show->clock, sizeof(show->clock), "%H:%M:%S.", &parts);
        show->second = second;
    }
    text_add(&show->line, show->clock);
    text_add(&show->line, decimal(1000000 + microseconds, digits) + 1);
}

/* function+offset file:line (module) */
static void add_frame(struct text *ret, const struct frame *frame)
{
    const char *slash = frame->module ? strrchr(frame->module, '/') : NULL;

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
    if (!slash)
        return;
    text_add(ret, " (");
    /* The kernel adds " (deleted)" to a memfd's name, which people need not read. */
    text_add_shown(ret, slash + 1,
                   strcspn(slash + 1, strncmp(slash, "/memfd:", 7) == 0 ? " " : ""));
    if (!frame->function) /* for addr2line(1) */
        text_addf(ret, "+0x%" PRIx64, frame->offset);
    text_add(ret, ")");
}

static void print_text(struct show *show, const struct event *event)
{
    const struct plan_probe *probe = event->probe;
    struct text *line = &show->line;
    char digits[DECIMAL_TEXT];
    struct frame frame;

    text_clear(line);
    text_add(line, show->dim);
    add_time(show, show->epoch + (int64_t)event->time);
    text_add(line, show->plain);
    text_add(line, " ");
    if (!show->one_process) {
        text_add_shown(line, event->comm, strlen(event->comm));
        text_add(line, " ");
        text_add(line, event->pid ? decimal((uint64_t)event->pid, digits) : "?");
        text_add(line, "/");
    }
    text_add(line, event->tid ? decimal((uint64_t)event->tid, digits) : "?");
    text_add(line, " ");
    text_add(line, show->bold);
    text_add(line, probe->title);
    text_add(line, show->plain);
    for (size_t i = 0; i < probe->argument_count; i++) {
        struct shown shown = shown_argument(event, i);

        text_add(line, " ");
        text_add(line, show->dim);
        text_add(line, probe->arguments[i].name);
        text_add(line, "=");
        text_add(line, show->plain);
        show_value(line, &shown);
    }
    for (size_t i = 0; show->stacks && i < event->frame_count; i++) {
        stacks_frame(show->stacks, event->pid, event->frames[i], i == 0, &frame);
        add_frame(line, &frame);
    }
    text_add(line, "\n");
    fwrite(line->bytes, 1, line->size, show->out);
}

/* Write the names of the arguments that are cut, or unreadable, if there are any. */
static void write_names(struct json *json, const struct event *event, const char *name, bool cut)
{
    bool any = false;

    for (size_t i = 0; i < event->probe->argument_count; i++) {
        struct shown shown = shown_argument(event, i);

        if (cut ? !shown.string.cut : !shown.unreadable)
            continue;
        if (!any)
            json_open(json, name, '[');
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

static void print_json(struct show *show, const struct event *event)
{
    struct json json = {.out = show->out};
    struct frame frame;

    json_open(&json, NULL, '{');
    json_signed(&json, "time", show->epoch + (int64_t)event->time);
    event->pid ? json_signed(&json, "pid", event->pid) : json_null(&json, "pid");
    event->tid ? json_signed(&json, "tid", event->tid) : json_null(&json, "tid");
    json_string(&json, "comm", event->comm);
    json_number(&json, "cpu", event->cpu);
    json_string(&json, "provider", event->probe->provider);
    json_string(&json, "probe", event->probe->name);
    json_open(&json, "args", '{');
    for (size_t i = 0; i < event->probe->argument_count; i++) {
        struct shown shown = shown_argument(event, i);

        show_json(&json, event->probe->arguments[i].name, &shown);
    }
    json_close(&json, '{');
    write_names(&json, event, "cut", true);
    write_names(&json, event, "unreadable", false);
    if (show->stacks) {
        json_open(&json, "stack", '[');
        for (size_t i = 0; i < event->frame_count; i++) {
            stacks_frame(show->stacks, event->pid, event->frames[i], i == 0, &frame);
            write_frame(&json, &frame);
        }
        json_close(&json, '[');
    }
    json_close(&json, '{');
    fputc('\n', show->out);
}

void show_event(struct show *show, const struct event *event)
{
    if (show->stacks)
        stacks_see(show->stacks, event->pid);
    (show->plan->options->json ? print_json : print_text)(show, event);
}

void show_lost(struct show *show, uint64_t count)
{
    if (show->plan->options->json)
        fprintf(show->out, "{\"lost\":%" PRIu64 "}\n", count);
    else if (count == 1)
        say("1 hit was lost: it came faster than rst could read it");
    else
        say("%" PRIu64 " hits were lost: they came faster than rst could read them", count);
}
