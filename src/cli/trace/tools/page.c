/* SPDX-License-Identifier: MIT */
#include "cli/trace/tools/page.h"

#include <stdlib.h>
#include <string.h>

#include "cli/base/command.h"
#include "cli/base/quote.h"
#include "cli/trace/plan/filter.h"
#include "error.h"

/* ------------------------------------------------------------------------------ arguments -- */

/* What the operand is, if some tools can't read it. */
static const char *what_is_broken(uint16_t machine, const struct operand *operand,
                                  const struct usdt_probe *site)
{
    struct operand plain = *operand;

    plain.size = 8;
    if (operand->is_float)
        return "floating point";
    if (location_of(machine, &plain, site, NULL).kind == LOCATION_NONE)
        return operand->kind == OPERAND_REGISTER ? "a vector register" : "a symbol";
    return operand->size && !operand_size(operand) ? "a value of an odd size" : NULL;
}

static void look_at_operands(struct tool_probe *probe, const struct usdt_probe *site)
{
    uint16_t machine = probe->file->source->file->machine;
    const char *at = site->operands, *what;
    struct operand operand;

    probe->differs |= strcmp(site->operands, probe->sites[0].site->usdt->operands) != 0;
    for (size_t i = 0; i < probe->plan->argument_count && operand_next(&at, machine, &operand);
         i++) {
        what = what_is_broken(machine, &operand, site);
        probe->broken = what ? what : probe->broken;
        probe->miscounted |= what || memchr(operand.text, ',', operand.length);
    }
}

static bool is_float(const struct plan_value *value)
{
    return value->kind == VALUE_FLOAT || value->kind == VALUE_DOUBLE;
}

static uint8_t wider(uint8_t a, uint8_t b)
{
    return a > b ? a : b;
}

/* Choose one type for all sites; see page.h. */
static void unite(struct tool_probe *probe, size_t i)
{
    struct tool_argument *argument = &probe->arguments[i];
    uint8_t with = 0, without = 0;
    bool differ = false, readable = true;

    argument->value = probe->sites[0].variant->values[i];
    for (size_t j = 0; j < probe->site_count; j++) {
        const struct plan_value *value = &probe->sites[j].variant->values[i];
        const struct location *at = &value->location;

        readable &= value->size > 0 && value->kind == argument->value.kind;
        argument->widest = wider(argument->widest, value->size);
        differ |=
            value->size != argument->value.size || value->is_signed != argument->value.is_signed;
        if (value->is_signed)
            with = wider(with, value->size);
        else if (at->kind != LOCATION_CONSTANT || at->relative || at->number < 0)
            without = wider(without, value->size);
    }
    if (differ) {
        argument->value.is_signed = with > 0;
        argument->value.size =
            with == 0 || with > without ? argument->widest : wider(2 * without, with);
        readable &= !is_float(&argument->value) && argument->value.size <= 8;
    }
    if (!readable)
        argument->value.size = 0;
}

bool page_reads(const struct page *page, size_t argument)
{
    const struct tool_probe *probe = &page->probes[page->probe];
    uint8_t size = probe->arguments[argument].value.size;

    return size > 0 && !(page->tool->all && probe->broken) &&
           !(page->tool->exact && size != probe->arguments[argument].widest);
}

/* bpftrace before 0.25 fails at arg6 and up, and its numbers may be wrong for all. */
static void find_place(struct tool_probe *probe, size_t i)
{
    struct tool_argument *argument = &probe->arguments[i];

    argument->by_place = i >= 6 || probe->miscounted;
    if (argument->by_place && (probe->differs || argument->value.location.relative))
        argument->value.size = 0;
}

/* --------------------------------------------------------------------------------- probes -- */

static int compare_sites(const void *left, const void *right)
{
    const struct tool_site *a = left, *b = right;

    return (a->site->usdt > b->site->usdt) - (a->site->usdt < b->site->usdt);
}

/* Whether a script can have the path in quotes. */
static bool can_be_quoted(const char *path, bool ascii)
{
    for (const unsigned char *at = (const unsigned char *)path; *at; at++)
        if (*at < ' ' || *at == 0x7f || strchr("\"'\\*?[]{}:$`", *at) || (*at > 0x7f && ascii))
            return false;
    return true;
}

/* Why the tool can't watch the probe, in words for free(); NULL if it can. */
static char *refusal(const struct page *page, const struct tool_probe *probe)
{
    const struct tool *tool = page->tool;
    const char *path = probe->file->path;
    struct text words = {0};

    if (!is_plain_word(probe->plan->provider, "-.") || !is_plain_word(probe->plan->name, "-."))
        text_addf(&words, "%s can't use a name like %s", tool->title,
                  rst_quote(probe->plan->name).text);
    else if (!is_plain_word(path, "/.+-@") && (tool->bare || !can_be_quoted(path, tool->ascii)))
        text_addf(&words, "%s can't use a path like %s", tool->title, text_path(path).text);
    else if (tool->by_name && strstr(path, "/map_files/"))
        text_addf(&words, "%s opens files by name, and its file was deleted or replaced",
                  tool->title);
    else if (tool->fragile && probe->broken)
        text_addf(&words, "%s can't watch a probe with %s among its arguments", tool->title,
                  probe->broken);
    return words.bytes;
}

static void free_probe(struct tool_probe *probe)
{
    condition_free(probe->condition);
    free(probe->sites);
}

/* The variants of a probe are neighbours, the first at `*variant`, which moves on. */
static void make_probe(const struct page *page, size_t number, size_t *variant,
                       struct tool_probe *ret)
{
    const struct plan *plan = page->plan;

    *ret = (struct tool_probe){.plan = &plan->probes[number]};
    ret->sites = sure(calloc(ret->plan->site_count, sizeof(*ret->sites)));
    for (; *variant < plan->variant_count && plan->variants[*variant].probe == number; ++*variant)
        for (size_t i = 0; i < plan->variants[*variant].site_count; i++)
            ret->sites[ret->site_count++] =
                (struct tool_site){&plan->variants[*variant].sites[i], &plan->variants[*variant]};
    qsort(ret->sites, ret->site_count, sizeof(*ret->sites), compare_sites);
    ret->file = &plan->files[ret->sites[0].site->file];
    for (size_t i = 0; i < ret->site_count; i++)
        look_at_operands(ret, ret->sites[i].site->usdt);
    for (size_t i = 0; i < ret->plan->argument_count; i++) {
        unite(ret, i);
        if (page->tool->numbered)
            find_place(ret, i);
    }
}

/* The filter for the types that stand for all sites. It is a valid one for each of them. */
static void bind_filter(const struct plan *plan, size_t number, struct tool_probe *probe)
{
    struct plan_variant variant = {.probe = number};
    struct filter_notes notes = {0};
    struct filter filter;

    for (size_t i = 0; i < USDT_MOST_ARGUMENTS; i++)
        variant.values[i] = probe->arguments[i].value;
    free(filter_parse(plan->options->filter, &filter).words);
    free(filter_bind(&filter, plan, &variant, &notes, &probe->condition).words);
    filter_notes_free(&notes);
    filter_free(&filter);
}

void page_make(const struct plan *plan, const struct tool *tool, struct page *ret)
{
    const struct search *search = &plan->options->search;
    struct page page = {.plan = plan, .tool = tool};
    size_t variant = 0;

    if (search->pid_count == 1 && search->file_count == 0)
        page.one_pid = search->pids[0];
    page.probes = sure(calloc(plan->probe_count, sizeof(*page.probes)));
    for (size_t i = 0; i < plan->probe_count; i++) {
        struct tool_probe *probe = &page.probes[page.probe_count];
        size_t most = tool->most_arguments, count = plan->probes[i].argument_count;
        char *words;

        make_probe(&page, i, &variant, probe);
        words = refusal(&page, probe);
        if (words) {
            say("skipped %s: %s", plan->probes[i].title, words);
            free(words);
            free_probe(probe);
            continue;
        }
        if (most && count > most)
            say("%s has %zu arguments, of which %s reads the first %zu", plan->probes[i].title,
                count, tool->title, most);
        if (tool->whole && plan->options->filter)
            bind_filter(plan, i, probe);
        page.probe_count++;
    }
    *ret = page;
}

void page_free(struct page *page)
{
    for (size_t i = 0; i < page->probe_count; i++)
        free_probe(&page->probes[i]);
    free(page->probes);
}
