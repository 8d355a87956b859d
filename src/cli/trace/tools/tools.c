/* SPDX-License-Identifier: MIT */
/*
 * Prints a tool's parts for the plan.
 *
 * A tool reads an argument by the operand of the site that was hit, in up to 64 bits. So one type
 * can stand for all sites if it can hold all values: the widest of theirs, or int32 for a uint8 and
 * an int32. An argument of several sites without such a type is not read.
 */
#include "cli/trace/tools/tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/text.h"
#include "cli/trace/tools/names.h"
#include "error.h"

struct page {
    const struct plan *plan;
    const struct tool *tool;
    bool *skipped; /* by the probe's number */
    char pid[24];  /* "": none, or several */
    /* What is printed: */
    const struct plan_probe *probe;
    const struct plan_file *file;
    struct plan_value values[USDT_MOST_ARGUMENTS]; /* for all sites of the probe */
    const struct plan_variant *variant;
    const struct plan_site *site;
    struct event_name *names;              /* of all sites */
    const struct event_name *probes_names; /* of those of the probe, which is next */
    const struct event_name *name;         /* of the site */
    size_t argument;
    const char *form;
};

/* -------------------------------------------------------------------------------- arguments -- */

static struct plan_value unite(const struct page *page, size_t i)
{
    const struct plan_variant *variants = &page->plan->variants[page->probe->variant];
    struct plan_value value = variants->values[i];
    uint8_t widest[2] = {0, 0}; /* without a sign, and with it */

    for (size_t j = 0; j < page->probe->variant_count; j++) {
        const struct plan_value *other = &variants[j].values[i];

        if (other->size == 0 || other->kind != value.kind)
            return (struct plan_value){.size = 0};
        if (other->size > widest[other->is_signed])
            widest[other->is_signed] = other->size;
    }
    value.is_signed = widest[true] > 0;
    value.size = widest[value.is_signed];
    if (value.is_signed && widest[false] >= value.size) /* a wider type has them all */
        value.size = widest[false] == 8 ? 0 : 2 * widest[false];
    return value;
}

/* Whether some tools can't read the argument: at a symbol, a vector register, floating point. */
static bool is_odd(const struct tool *tool, const struct plan_argument *argument,
                   const struct plan_value *value)
{
    return value->size == 0 || value->location.relative ||
           (value_is_float(value) && argument->site.true_type < 0) ||
           (tool->odd_index && value->location.index != LOCATION_NO_REGISTER);
}

/* Make this probe the one that is printed. Gives whether one of its arguments is odd. */
static bool enter_probe(struct page *page, const struct plan_probe *probe)
{
    const struct plan_variant *variants = &page->plan->variants[probe->variant];
    bool odd = false;

    page->probe = probe;
    page->file = &page->plan->files[variants->sites[0].file];
    for (size_t i = 0; i < probe->argument_count; i++) {
        page->values[i] = unite(page, i);
        for (size_t j = 0; j < probe->variant_count; j++)
            odd |= is_odd(page->tool, &probe->arguments[i], &variants[j].values[i]);
    }
    for (size_t i = 0; odd && i < probe->argument_count; i++)
        page->values[i].size = 0;
    return odd;
}

static enum form form_of(const struct plan_value *value)
{
    static const enum form forms[] = {
        [VALUE_INTEGER] = FORM_UNSIGNED, [VALUE_BOOL] = FORM_UNSIGNED,
        [VALUE_FLOAT] = FORM_FLOAT,      [VALUE_DOUBLE] = FORM_FLOAT,
        [VALUE_POINTER] = FORM_POINTER,  [VALUE_STRING] = FORM_STRING,
    };
    enum form form = value->size ? forms[value->kind] : FORM_UNREADABLE;

    return form == FORM_UNSIGNED && value->is_signed ? FORM_SIGNED : form;
}

/* ------------------------------------------------------------------------------------ words -- */

static void print_group(const struct page *page)
{
    fputs(page->name->group, stdout);
}

static void print_event(const struct page *page)
{
    fputs(page->name->event, stdout);
}

static void print_site(const struct page *page)
{
    printf("0x%" PRIx64, page->site->offset);
    if (page->site->semaphore)
        printf("(0x%" PRIx64 ")", page->site->semaphore);
}

/* DTrace writes - where the source has __. */
static void print_dashed(const struct page *page)
{
    for (const char *at = page->probe->name; *at; at++) {
        bool both = at[0] == '_' && at[1] == '_';

        putchar(both ? '-' : *at);
        at += both;
    }
}

/* tracefs's fetch arguments, like "id=%di:u64 path=+0(+16(%bp)):ustring". */
static void print_fetches(const struct page *page)
{
    const struct context *context = page->variant->context;

    for (size_t i = 0; i < page->probe->argument_count; i++) {
        const struct plan_value *value = &page->variant->values[i];
        const struct location *at = &value->location;
        const struct tracefs_name reg = context_tracefs_name(context, at->base);
        bool string = value->kind == VALUE_STRING;

        /* The kernel reads its own addresses from memory, which are wider than an i386's. */
        if (value->size == 0 || at->relative || at->shift || at->index != LOCATION_NO_REGISTER ||
            (at->kind == LOCATION_MEMORY &&
             (!*reg.text || (string && value->size == 4 && context->kernel->is_64_bit))))
            continue;
        printf(" %s=%s", tool_argument_name(page->probe, i).text, string ? "+0(" : "");
        if (at->kind == LOCATION_CONSTANT)
            printf("\\%" PRId64, at->number);
        else if (at->kind == LOCATION_REGISTER)
            printf("%%%s", reg.text);
        else
            printf("%+" PRId64 "(%%%s)", at->number, reg.text);
        if (string)
            printf("):ustring");
        else if (value->kind == VALUE_POINTER)
            printf(":x%d", 8 * value->size);
        else
            printf(":%c%d", value->is_signed ? 's' : 'u', 8 * value->size);
    }
}

static void print_predicate(const struct page *page)
{
    for (size_t i = 0; i < page->file->pid_count; i++)
        printf("%spid == %ld%s", i ? " || " : " /", (long)page->file->pids[i],
               i + 1 == page->file->pid_count ? "/" : "");
}

/* How many processes alone are watched; 0: others, too, as they may have a FILE. */
static size_t processes(const struct search *search)
{
    return search->file_count > 0 ? 0 : search->pid_count;
}

static void print_pids(const struct page *page)
{
    const struct search *search = &page->plan->options->search;

    for (size_t i = 0; i < processes(search); i++)
        printf("%s%ld", i ? "," : " -p ", (long)search->pids[i]);
    if (processes(search) == 0)
        printf(" -a");
}

static void print_text(const struct page *page, const char *at);

/* Print what the word "NAME>" stands for. Gives false if it is none. */
static bool print_word(const struct page *page, const char *name)
{
    static const struct {
        const char *name;
        void (*print)(const struct page *);
    } printers[] = {
        {"group>", print_group},         {"event>", print_event},     {"dashed>", print_dashed},
        {"site>", print_site},           {"fetches>", print_fetches}, {"pids>", print_pids},
        {"predicate>", print_predicate},
    };
    static const char *const masks[] = {
        [0] = "", [1] = " & 0xff", [2] = " & 0xffff", [4] = " & 0xffffffff", [8] = ""};
    const struct plan_probe *probe = page->probe;
    const struct plan_value *value = &page->values[page->argument];
    char number[24], next[24], bits[24];
    const struct {
        const char *name, *text;
    } words[] = {
        {"pid>", *page->pid ? page->pid : "PID"},
        {"process>", *page->pid ? " -p <pid>" : ""},
        {"provider>", probe->provider},
        {"probe>", probe->name},
        {"path>", page->file->path},
        {"arg>", probe->arguments[page->argument].name},
        {"form>", page->form},
        {"i>", number},
        {"i1>", next},
        {"bits>", bits},
        {"mask>", masks[value->size]},
    };

    snprintf(number, sizeof(number), "%zu", page->argument);
    snprintf(next, sizeof(next), "%zu", page->argument + 1);
    snprintf(bits, sizeof(bits), "%d", 8 * value->size);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strncmp(name, words[i].name, strlen(words[i].name)) == 0) {
            print_text(page, words[i].text);
            return true;
        }
    for (size_t i = 0; i < sizeof(printers) / sizeof(printers[0]); i++)
        if (strncmp(name, printers[i].name, strlen(printers[i].name)) == 0) {
            printers[i].print(page);
            return true;
        }
    return false;
}

static void print_text(const struct page *page, const char *at)
{
    while (*at)
        if (*at == '<' && print_word(page, at + 1))
            at = strchr(at, '>') + 1;
        else
            putchar(*at++);
}

/* ------------------------------------------------------------------------------------ parts -- */

static void print_sites(struct page *page, const char *text)
{
    page->name = page->probes_names;
    for (size_t i = 0; i < page->probe->variant_count; i++) {
        page->variant = &page->plan->variants[page->probe->variant + i];
        for (size_t j = 0; j < page->variant->site_count; j++, page->name++) {
            page->site = &page->variant->sites[j];
            print_text(page, text);
        }
    }
}

static void print_arguments(struct page *page, const struct part *part)
{
    size_t most = page->tool->most_arguments, count = page->probe->argument_count;

    count = most && most < count ? most : count;
    for (page->argument = 0; page->argument < count; page->argument++) {
        enum form form = form_of(&page->values[page->argument]);
        bool readable = form;

        while (form && !page->tool->forms[form])
            form++;
        page->form = page->tool->forms[form];
        if (part->each == EACH_VALUE ? readable : page->form != NULL)
            print_text(page, part->text);
    }
    page->argument = 0;
}

/* Print parts up to `end` for a probe. */
static void print_probe(struct page *page, const struct plan_probe *probe, const struct part *part,
                        const struct part *end)
{
    enter_probe(page, probe);
    for (; part < end; part++)
        if (part->each == EACH_PROBE)
            print_text(page, part->text);
        else if (part->each == EACH_SITE)
            print_sites(page, part->text);
        else
            print_arguments(page, part);
}

static void set_pid(struct page *page, pid_t pid)
{
    snprintf(page->pid, sizeof(page->pid), "%ld", (long)pid);
}

static void print_tool(struct page *page)
{
    const struct search *search = &page->plan->options->search;
    const struct part *part = page->tool->parts, *next;

    for (; part->each != END; part = next) {
        next = part + 1;
        while (part->each >= EACH_PROBE && next->each >= EACH_PROBE)
            next++;
        if (part->each == ONCE)
            print_text(page, part->text);
        for (size_t i = 0; part->each == EACH_PROCESS && i < processes(search); i++) {
            set_pid(page, search->pids[i]);
            print_text(page, part->text);
        }
        page->probes_names = page->names;
        for (size_t i = 0; part->each >= EACH_PROBE && i < page->plan->probe_count; i++) {
            const struct plan_probe *probe = &page->plan->probes[i];

            if (!page->skipped[i])
                print_probe(page, probe, part, next);
            for (size_t j = 0; j < probe->variant_count; j++)
                page->probes_names += page->plan->variants[probe->variant + j].site_count;
        }
    }
}

/* ------------------------------------------------------------------------------------ tools -- */

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

#define ODD "floating point, a symbol or a vector register among its arguments"

/* Whether the tool can watch the probe. Reports it if not. */
static bool can_watch(struct page *page, const struct plan_probe *probe)
{
    const struct tool *tool = page->tool;
    bool odd = enter_probe(page, probe), provider = is_plain_word(probe->provider, "-.");

    if (!provider || !is_plain_word(probe->name, "-."))
        say("skipped %s: %s can't use a name like %s", probe->title, tool->title,
            rst_quote(provider ? probe->name : probe->provider).text);
    else if (!is_plain_word(page->file->path, "/.+-@"))
        say("skipped %s: rst writes no commands with a path like %s", probe->title,
            text_path(page->file->path).text);
    else if (tool->by_name && strstr(page->file->path, "/map_files/"))
        say("skipped %s: %s opens files by name, and its file was deleted or replaced",
            probe->title, tool->title);
    else if (tool->fragile && odd)
        say("skipped %s: %s can't watch a probe with " ODD, probe->title, tool->title);
    else {
        if (tool->fragile_from && odd)
            say("%s %s and newer will skip %s: they can't watch a probe with " ODD, tool->title,
                tool->fragile_from, probe->title);
        return true;
    }
    return false;
}

enum status tool_print(const struct plan *plan)
{
    const struct trace_options *options = plan->options;
    struct page page = {.plan = plan, .tool = find_tool(options->tool)};
    size_t watched = 0, most = page.tool->most_arguments;

    if (options->filter || options->mode != TRACE_EVENTS || options->stack || options->hits ||
        options->milliseconds)
        say("these commands show every hit until Ctrl-C: only rst has --filter, counts, --stack, "
            "-n and --seconds");
    if (options->search.pid_count > 0 && options->search.file_count > 0 &&
        !page.tool->has_predicate)
        say("%s watches the files of the processes of -p in every process, as it does a FILE; name "
            "only one of both to have less",
            page.tool->title);
    if (processes(&options->search) == 1)
        set_pid(&page, options->search.pids[0]);
    page.skipped = sure(calloc(plan->probe_count, sizeof(*page.skipped)));
    for (size_t i = 0; i < plan->probe_count; i++) {
        const struct plan_probe *probe = &plan->probes[i];

        page.skipped[i] = !can_watch(&page, probe);
        watched += !page.skipped[i];
        if (!page.skipped[i] && most && probe->argument_count > most)
            say("%s has %zu arguments, of which %s reads the first %zu", probe->title,
                probe->argument_count, page.tool->title, most);
    }
    page.names = tool_event_names(plan);
    if (watched > 0)
        print_tool(&page);
    free(page.names);
    free(page.skipped);
    return watched > 0 ? STATUS_GOOD : STATUS_FAILED;
}
