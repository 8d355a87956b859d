/* SPDX-License-Identifier: MIT */
/*
 * From the sites that were found to a plan. All sites of the same name in the same file are one
 * probe, in however many processes.
 */
#include "cli/trace/plan/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/quote.h"
#include "cli/trace/plan/choose.h"
#include "cli/trace/plan/variant.h"
#include "error.h"

#define MOST_SITES 10000

/* A probe of a file, while its sites are collected. */
struct draft {
    const struct source *source; /* the first source that has the file */
    const struct usdt_probe *first;
    const struct usdt_probe **sites;
    size_t site_count;
};

struct drafts {
    struct draft *list;
    size_t count, site_count;
};

/* ------------------------------------------------------------------------------- probes -- */

/* The findings are sorted by name, so those of one name are neighbours. */
static struct draft *find_draft(const struct drafts *drafts, const struct found *found)
{
    for (size_t i = drafts->count; i-- > 0 && usdt_same_name(drafts->list[i].first, found->probe);)
        if (drafts->list[i].source->file == found->source->file)
            return &drafts->list[i];
    return NULL;
}

static void add_found(struct drafts *drafts, const struct found *found)
{
    struct draft *draft = find_draft(drafts, found);

    if (!draft) {
        drafts->list = room_for_one(drafts->list, drafts->count, sizeof(*drafts->list));
        draft = &drafts->list[drafts->count++];
        *draft = (struct draft){.source = found->source, .first = found->probe};
    }
    if (found->source != draft->source) /* the same site in another process */
        return;
    draft->sites = room_for_one(draft->sites, draft->site_count, sizeof(void *));
    draft->sites[draft->site_count++] = found->probe;
    drafts->site_count++;
}

/* Sort sites in the order of the file's notes. */
static int compare_sites(const void *left, const void *right)
{
    const struct usdt_probe *const *a = left, *const *b = right;

    return (*a > *b) - (*a < *b);
}

static void add_probe(struct plan *plan, struct draft *draft)
{
    struct plan_probe *probe;
    struct text title = {0};

    qsort(draft->sites, draft->site_count, sizeof(void *), compare_sites);
    text_add_shown(&title, draft->first->provider, strlen(draft->first->provider));
    text_add(&title, ":");
    text_add_shown(&title, draft->first->name, strlen(draft->first->name));
    plan->probes = room_for_one(plan->probes, plan->probe_count, sizeof(*plan->probes));
    probe = &plan->probes[plan->probe_count++];
    *probe = (struct plan_probe){
        .provider = draft->first->provider,
        .name = draft->first->name,
        .title = title.bytes,
        .by = -1,
        .hist = -1,
        .site_count = draft->site_count,
    };
    plan_read_arguments(draft->source->file->machine, draft->sites[0], probe);
}

static void free_probe(struct plan_probe *probe)
{
    for (size_t i = 0; i < probe->argument_count; i++)
        free(probe->arguments[i].name);
    usdt_arguments_free(&probe->words);
    free(probe->title);
}

/* Remove the probes that lack an argument. */
static void skip_probes(struct plan *plan, struct drafts *drafts, const struct filter *filter)
{
    bool *skipped = sure(calloc(plan->probe_count, sizeof(*skipped)));
    size_t kept = 0;

    choose_probes(plan, filter, skipped);
    for (size_t i = 0; i < plan->probe_count; i++)
        if (skipped[i]) {
            free_probe(&plan->probes[i]);
            free(drafts->list[i].sites);
        } else {
            plan->probes[kept] = plan->probes[i];
            drafts->list[kept++] = drafts->list[i];
        }
    plan->probe_count = drafts->count = kept;
    free(skipped);
}

static bool are_alike(const struct plan_probe *a, const struct plan_probe *b)
{
    if (a->argument_count != b->argument_count)
        return false;
    for (size_t i = 0; i < a->argument_count; i++)
        if (strcmp(a->arguments[i].name, b->arguments[i].name) != 0 ||
            strcmp(a->arguments[i].site.type, b->arguments[i].site.type) != 0)
            return false;
    return true;
}

/* For counts, the same probe in several processes is one, even if each has a file of its own. */
static void find_alike(struct plan *plan)
{
    for (size_t i = 0; i < plan->probe_count; i++) {
        struct plan_probe *probe = &plan->probes[i];

        probe->alike = i;
        for (size_t j = i; j-- > 0 && strcmp(plan->probes[j].provider, probe->provider) == 0 &&
                           strcmp(plan->probes[j].name, probe->name) == 0;)
            if (are_alike(&plan->probes[j], probe)) {
                probe->alike = plan->probes[j].alike;
                break;
            }
    }
}

/* -------------------------------------------------------------------------------- files -- */

/* A script may run elsewhere, so a relative path becomes a whole one. */
static char *whole_path(const char *path)
{
    char *whole = *path == '/' ? NULL : realpath(path, NULL);

    return whole ? whole : sure(strdup(path));
}

static size_t find_file(struct plan *plan, const struct source *source)
{
    size_t i = 0;

    while (i < plan->file_count && plan->files[i].source->file != source->file)
        i++;
    if (i < plan->file_count)
        return i;
    plan->files = room_for_one(plan->files, plan->file_count, sizeof(*plan->files));
    plan->files[plan->file_count++] =
        (struct plan_file){.source = source, .path = whole_path(source->path)};
    return i;
}

static void add_pid(struct plan_file *file, pid_t pid)
{
    for (size_t i = 0; i < file->pid_count; i++)
        if (file->pids[i] == pid)
            return;
    file->pids = room_for_one(file->pids, file->pid_count, sizeof(*file->pids));
    file->pids[file->pid_count++] = pid;
}

/* With -p, a file is watched in the processes that were named and have it. */
static void add_pids(struct plan *plan)
{
    const struct findings *findings = &plan->findings;

    for (size_t i = 0; plan->options->search.pid_count > 0 && i < findings->source_count; i++)
        for (size_t j = 0; findings->sources[i]->pid > 0 && j < plan->file_count; j++)
            if (plan->files[j].source->file == findings->sources[i]->file)
                add_pid(&plan->files[j], findings->sources[i]->pid);
}

/* ---------------------------------------------------------------------------------- plan -- */

static enum status choose(struct plan *plan, struct drafts *drafts, const struct filter *filter)
{
    struct variant_maker maker = {.plan = plan};
    enum status status;

    for (size_t i = 0; i < drafts->count; i++)
        add_probe(plan, &drafts->list[i]);
    skip_probes(plan, drafts, filter);
    find_alike(plan);
    for (size_t i = 0; i < plan->probe_count; i++) {
        size_t file = find_file(plan, drafts->list[i].source);

        for (size_t j = 0; j < drafts->list[i].site_count; j++)
            variant_add_site(&maker, i, file, drafts->list[i].sites[j]);
    }
    variant_maker_free(&maker);
    add_pids(plan);
    status = choose_arguments(plan);
    if (status == STATUS_GOOD && plan->options->filter)
        status = choose_conditions(plan, filter);
    return status;
}

/*
 * Whether a FILE was not found. Then nothing is watched: a mistyped name must not make rst watch
 * more than the user wants.
 */
static bool lacks_a_file(const struct plan *plan)
{
    size_t files = 0;

    for (size_t i = 0; i < plan->findings.source_count; i++)
        files += plan->findings.sources[i]->pid == 0;
    return files < plan->options->search.file_count;
}

static enum status make(struct plan *plan, const struct filter *filter)
{
    struct drafts drafts = {0};
    enum status status;

    for (size_t i = 0; i < plan->findings.count && drafts.site_count <= MOST_SITES; i++)
        add_found(&drafts, &plan->findings.list[i]);
    if (drafts.site_count > MOST_SITES)
        status = say_usage("trace",
                           "more than %d sites of probes are too many to watch at once: name the "
                           "probes that you mean",
                           MOST_SITES);
    else
        status = choose(plan, &drafts, filter);
    for (size_t i = 0; i < drafts.count; i++)
        free(drafts.list[i].sites);
    free(drafts.list);
    return status;
}

enum status plan_make(struct trace_options *options, struct plan *ret)
{
    struct filter filter = {0};
    struct filter_error error = {0};
    enum status status;

    *ret = (struct plan){.options = options};
    if (options->filter)
        error = filter_parse(options->filter, &filter);
    if (error.words)
        return say_bad_filter(options->filter, error);
    find_probes(&options->search, &ret->findings);
    status = ret->findings.status;
    if (ret->findings.count == 0)
        status = status == STATUS_GOOD ? STATUS_NONE : status;
    else if (status == STATUS_GOOD || !lacks_a_file(ret))
        status = make(ret, &filter);
    filter_free(&filter);
    return status;
}

void plan_free(struct plan *plan)
{
    for (size_t i = 0; i < plan->variant_count; i++) {
        condition_free(plan->variants[i].condition);
        free(plan->variants[i].sites);
    }
    for (size_t i = 0; i < plan->probe_count; i++)
        free_probe(&plan->probes[i]);
    for (size_t i = 0; i < plan->file_count; i++) {
        free(plan->files[i].path);
        free(plan->files[i].pids);
    }
    free(plan->variants);
    free(plan->probes);
    free(plan->files);
    findings_free(&plan->findings);
    *plan = (struct plan){0};
}
