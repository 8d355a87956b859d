/* SPDX-License-Identifier: MIT */
/*
 * Prints a tool's template for the plan.
 */
#include "cli/trace/tools/tools.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/command.h"
#include "cli/base/quote.h"
#include "cli/find/near.h"
#include "cli/trace/tools/page.h"
#include "error.h"

#define BCC_STRING 128 /* bytes; the stack of 512 holds three; longer strings are cut */

/* ---------------------------------------------------------------------------------- words -- */

static enum form form_of(const struct page *page)
{
    static const enum form forms[] = {
        [VALUE_BOOL] = FORM_BOOL,       [VALUE_FLOAT] = FORM_FLOAT,   [VALUE_DOUBLE] = FORM_DOUBLE,
        [VALUE_POINTER] = FORM_POINTER, [VALUE_STRING] = FORM_STRING,
    };
    const struct tool_probe *probe = &page->probes[page->probe];
    const struct plan_value *value = &probe->arguments[page->argument].value;

    if (!page_reads(page, page->argument))
        return FORM_UNREADABLE;
    if (value->kind == VALUE_INTEGER)
        return value->is_signed ? FORM_SIGNED : FORM_UNSIGNED;
    return forms[value->kind];
}

/* tracefs allows only letters, digits and _. */
static void add_event(struct text *ret, const char *name, size_t site)
{
    for (; *name; name++)
        text_addf(ret, "%c", *name == '-' || *name == '.' ? '_' : *name);
    if (site > 0)
        text_addf(ret, "_%zu", site + 1);
}

/* DTrace writes - where the source has __. */
static void add_dashed(struct text *ret, const char *name)
{
    for (; *name; name++)
        if (name[0] == '_' && name[1] == '_')
            text_add(ret, "-"), name++;
        else
            text_add_bytes(ret, name, 1);
}

/* Add tracefs's fetch arguments, like "id=%di:u64 path=+0(+16(%bp)):ustring". */
static void add_fetches(struct text *ret, const struct plan_probe *probe,
                        const struct plan_variant *variant)
{
    for (size_t i = 0; i < probe->argument_count; i++) {
        const struct plan_value *value = &variant->values[i];
        const struct location *at = &value->location;
        const char *reg = at->base != LOCATION_NO_REGISTER ? register_name(at->base) : NULL;
        bool string = value->kind == VALUE_STRING;

        if (value->size == 0 || at->relative || at->shift || at->index != LOCATION_NO_REGISTER ||
            (!reg && at->kind == LOCATION_MEMORY))
            continue;
        text_addf(ret, " %s=%s", probe->arguments[i].name, string ? "+0(" : "");
        if (at->kind == LOCATION_CONSTANT)
            text_addf(ret, "\\%" PRId64, at->number);
        else if (at->kind == LOCATION_REGISTER)
            text_addf(ret, "%%%s", reg);
        else
            text_addf(ret, "%+" PRId64 "(%%%s)", at->number, reg);
        if (string)
            text_add(ret, "):ustring");
        else
            text_addf(ret, ":%c%d",
                      value->kind == VALUE_POINTER ? 'x'
                      : value->is_signed           ? 's'
                                                   : 'u',
                      8 * value->size);
    }
}

static void add_predicate(struct text *ret, const struct plan_file *file)
{
    for (size_t i = 0; i < file->pid_count; i++)
        text_addf(ret, "%spid == %ld", i ? " || " : " /", (long)file->pids[i]);
    text_add(ret, file->pid_count ? "/" : "");
}

static void add_pids(struct text *ret, const struct search *search)
{
    for (size_t i = 0; i < search->pid_count; i++)
        text_addf(ret, "%s%ld", i ? "," : " -p ", (long)search->pids[i]);
    text_add(ret, search->pid_count ? "" : " -a");
}

/* How much of a string bcc's program has room for. */
static size_t bcc_room(const struct tool_probe *probe)
{
    size_t strings = 0;

    for (size_t i = 0; i < probe->plan->argument_count; i++)
        strings += probe->arguments[i].value.kind == VALUE_STRING;
    return strings > 2 ? 320 / strings & ~(size_t)7 : BCC_STRING;
}

static void add_template(struct page *page, const char *at, struct text *ret);

/* Add the template for the argument's form, or for the next form that has one. */
static void add_form(struct page *page, const char *const *templates, struct text *ret)
{
    enum form form = form_of(page);

    while (!templates[form] && form != FORM_UNREADABLE && form != FORM_SIGNED)
        form++;
    if (templates[form])
        add_template(page, templates[form], ret);
}

static void add_site(struct text *ret, const struct plan_site *site)
{
    text_addf(ret, "0x%" PRIx64, site->offset);
    if (site->semaphore)
        text_addf(ret, "(0x%" PRIx64 ")", site->semaphore);
}

/* A name in a template. */
struct name {
    const char *at;
    size_t length;
};

static bool is(struct name name, const char *word)
{
    return strlen(word) == name.length && memcmp(word, name.at, name.length) == 0;
}

/* Add a word. Gives false if it is none. */
static bool add_word(struct page *page, struct name name, struct text *ret)
{
    const struct tool_probe *probe = &page->probes[page->probe];
    const struct trace_options *options = page->plan->options;
    const struct tool_argument *argument = &probe->arguments[page->argument];
    const struct tool_site *site = &probe->sites[page->site];

    if (is(name, "arg"))
        text_add(ret, probe->plan->arguments[page->argument].name);
    else if (is(name, "condition"))
        add_condition(ret, probe->arguments, probe->condition);
    else if (is(name, "dashed"))
        add_dashed(ret, probe->plan->name);
    else if (is(name, "event"))
        add_event(ret, probe->plan->name, page->site);
    else if (is(name, "expression"))
        add_expression(ret, argument, page->argument);
    else if (is(name, "fetches"))
        add_fetches(ret, probe->plan, site->variant);
    else if (is(name, "form"))
        add_form(page, page->tool->forms, ret);
    else if (is(name, "group"))
        add_event(ret, probe->plan->provider, 0);
    else if (is(name, "i"))
        text_addf(ret, "%zu", page->argument);
    else if (is(name, "i1"))
        text_addf(ret, "%zu", page->argument + 1);
    else if (is(name, "max-strlen"))
        text_addf(ret, "%zu", options->string_bytes < 1024 ? options->string_bytes : 1024);
    else if (is(name, "n"))
        text_addf(ret, "%zu", page->probe);
    else if (is(name, "path"))
        text_add(ret, page->plan->files[page->file].path);
    else if (is(name, "pid") && page->one_pid)
        text_addf(ret, "%ld", (long)page->one_pid);
    else if (is(name, "pid"))
        text_add(ret, "PID");
    else if (is(name, "pids"))
        add_pids(ret, &options->search);
    else if (is(name, "predicate"))
        add_predicate(ret, probe->file);
    else if (is(name, "probe"))
        text_add(ret, probe->plan->name);
    else if (is(name, "provider"))
        text_add(ret, probe->plan->provider);
    else if (is(name, "room"))
        text_addf(ret, "%zu", bcc_room(probe));
    else if (is(name, "site"))
        add_site(ret, site->site);
    else if (is(name, "strlen")) /* before 0.20, bpftrace's programs have little stack */
        text_add(ret, options->filter && strpbrk(options->filter, "\"'") ? "64" : "200");
    else if (is(name, "type"))
        text_addf(ret, "%c%d", argument->value.is_signed ? 's' : 'u', 8 * argument->value.size);
    else if (is(name, "value"))
        add_form(page, page->tool->values, ret);
    else
        return false;
    return true;
}

/* --------------------------------------------------------------------------------- blocks -- */

static bool file_has_probe(const struct page *page, size_t file)
{
    for (size_t i = 0; i < page->probe_count; i++)
        if (page->probes[i].file == &page->plan->files[file])
            return true;
    return false;
}

enum item { NO_BLOCK, SHOWN, HIDDEN, BEHIND };

/* Move to an item of a block. Gives BEHIND if there are no more. */
static enum item enter(struct page *page, struct name name, size_t item)
{
    const struct trace_options *options = page->plan->options;
    const struct tool_probe *probe = &page->probes[page->probe];
    bool string = probe->arguments[page->argument].value.kind == VALUE_STRING;
    size_t count = probe->plan->argument_count, most = page->tool->most_arguments;
    const struct {
        const char *name;
        size_t count; /* of items */
        size_t *at;
    } blocks[] = {
        {"probes", page->probe_count, &page->probe},
        {"files", page->plan->file_count, &page->file},
        {"sites", probe->site_count, &page->site},
        {"arguments", most && most < count ? most : count, &page->argument},
        {"readable", count, &page->argument},
        {"by", probe->plan->by >= 0, NULL},
        {"hist", probe->plan->hist >= 0, NULL},
        {"count", options->mode == TRACE_COUNT, NULL},
        {"counts", options->mode != TRACE_EVENTS, NULL},
        {"events", options->mode == TRACE_EVENTS, NULL},
        {"filter", options->filter != NULL, NULL},
        {"one-pid", page->one_pid != 0, NULL},
        {"rest", page->probe > 0, NULL},
        {"several", probe->site_count > 1, NULL},
        {"single", probe->site_count == 1, NULL},
        {"stack", options->stack, NULL},
        {"string", string, NULL},
        {"number", !string, NULL},
        {"word", 1, NULL},
    };

    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        if (!is(name, blocks[i].name))
            continue;
        if (item >= blocks[i].count)
            return BEHIND;
        if (blocks[i].at)
            *blocks[i].at = item;
        if (is(name, "probes"))
            page->file = (size_t)(page->probes[item].file - page->plan->files);
        if (is(name, "by"))
            page->argument = (size_t)probe->plan->by;
        if (is(name, "hist"))
            page->argument = (size_t)probe->plan->hist;
        return (is(name, "readable") && !page_reads(page, item)) ||
                       (is(name, "files") && !file_has_probe(page, item))
                   ? HIDDEN
                   : SHOWN;
    }
    return NO_BLOCK;
}

/* The name in "<name>"; its length is 0 if there is none. */
static struct name name_at(const char *at)
{
    size_t length = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz-1");

    return (struct name){at + 1, at[length + 1] == '>' ? length : 0};
}

/* What is behind the "</>" of the block whose text begins at `at`. */
static const char *end_of_block(struct page *page, const char *at)
{
    for (size_t depth = 1; depth > 0; at++) {
        at += strcspn(at, "<");
        if (strncmp(at, "</>", 3) == 0)
            depth--;
        else
            depth += enter(page, name_at(at), SIZE_MAX) != NO_BLOCK;
    }
    return at + 2;
}

/* Repeat a block, whose text begins at `at`. Gives what is behind it. */
static const char *add_block(struct page *page, struct name name, const char *at, struct text *ret)
{
    struct page saved = *page;
    struct text inside = {0};
    enum item there;

    for (size_t item = 0; (there = enter(page, name, item)) != BEHIND; item++)
        if (there == SHOWN)
            add_template(page, at, is(name, "word") ? &inside : ret);
    if (is(name, "word"))
        text_add_word(ret, inside.bytes);
    free(inside.bytes);
    *page = saved;
    return end_of_block(page, at);
}

/* Add a template up to its end or a "</>". */
static void add_template(struct page *page, const char *at, struct text *ret)
{
    struct name name;

    for (;;) {
        size_t length = strcspn(at, "<");

        text_add_bytes(ret, at, length);
        at += length;
        if (!*at || strncmp(at, "</>", 3) == 0)
            return;
        name = name_at(at);
        if (add_word(page, name, ret))
            at = name.at + name.length + 1;
        else if (enter(page, name, SIZE_MAX) != NO_BLOCK)
            at = add_block(page, name, name.at + name.length + 1, ret);
        else
            text_add_bytes(ret, at++, 1);
    }
}

/* ---------------------------------------------------------------------------------- tools -- */

static const struct tool *find_tool(const char *name)
{
    for (size_t i = 0; i < TOOLS; i++)
        if (strcmp(tool_table[i].name, name) == 0)
            return &tool_table[i];
    return NULL;
}

enum status tool_check(const struct trace_options *options)
{
    const struct tool *tool = find_tool(options->tool);
    const struct search *search = &options->search;
    struct near near;

    if (tool && tool->one_process && (search->pid_count != 1 || search->file_count > 0))
        return say_usage("trace",
                         "%s has the process's id in the provider's name: name one "
                         "process with -p, and no file",
                         tool->title);
    if (tool)
        return STATUS_GOOD;
    near_start(&near, options->tool);
    for (size_t i = 0; i < TOOLS; i++)
        near_offer(&near, tool_table[i].name);
    return say_usage("trace",
                     "--for %s: bpftrace, perf, gdb, bcc, dtrace and tracefs are known%s%s",
                     rst_quote(options->tool).text, near.count ? "; did you mean " : "",
                     near.count ? near.words[0] : "");
}

/* Tell about options that the printed commands do not have. */
static void say_left_out(const struct trace_options *options, const struct tool *tool)
{
    if (!tool->whole && (options->filter || options->mode != TRACE_EVENTS || options->stack ||
                         options->hits || options->milliseconds))
        say("this shows every hit: only rst and bpftrace have --filter, counts, --stack, -n and "
            "--seconds");
    else if (options->hits || options->milliseconds)
        say("only rst counts hits and seconds: this command runs until Ctrl-C");
}

enum status tool_print(const struct plan *plan)
{
    const struct tool *tool = find_tool(plan->options->tool);
    struct text out = {0};
    struct page page;
    bool any;

    for (size_t i = 0; tool->no_memfd && i < plan->variant_count; i++)
        if (plan->files[plan->variants[i].sites[0].file].source->kind == SOURCE_MEMFD) {
            say("%s is in a memfd, which %s can't see: start the program with RST_BACKING=file",
                plan->probes[plan->variants[i].probe].title, tool->title);
            return STATUS_FAILED;
        }
    say_left_out(plan->options, tool);
    page_make(plan, tool, &page);
    any = page.probe_count > 0;
    if (any) {
        add_template(&page, tool->script, &out);
        fwrite(out.bytes, 1, out.size, stdout);
    }
    page_free(&page);
    free(out.bytes);
    return any ? STATUS_GOOD : STATUS_FAILED;
}
