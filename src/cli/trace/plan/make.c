/* SPDX-License-Identifier: MIT */
/*
 * From the sites that were found to a plan. All sites of the same name in the same file are one
 * probe, in however many processes.
 */
#include "cli/trace/plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "cli/base/text.h"
#include "cli/trace/plan/choose.h"
#include "cli/usdt/elf_file.h"
#include "error.h"

#define MOST_SITES 10000

/* ------------------------------------------------------------------------------- probes -- */

static bool is_named(const struct plan_probe *probe, const char *provider, const char *name)
{
    return strcmp(probe->name, name) == 0 && strcmp(probe->provider, provider) == 0;
}

/* The findings are sorted by name, so those of one name are neighbours. */
static struct plan_probe *find_probe(struct plan *plan, const struct found *found)
{
    struct plan_probe *probe;

    for (size_t i = plan->probe_count; i-- > 0;) {
        probe = &plan->probes[i];
        if (!is_named(probe, found->probe->provider, found->probe->name))
            break;
        if (probe->source->file == found->source->file)
            return probe;
    }
    APPEND(plan->probes, plan->probe_count,
           (struct plan_probe){.provider = found->probe->provider,
                               .name = found->probe->name,
                               .source = found->source,
                               .by = -1,
                               .hist = -1});
    return &plan->probes[plan->probe_count - 1];
}

static void add_found(struct plan *plan, const struct found *found)
{
    struct plan_probe *probe = find_probe(plan, found);

    if (found->source != probe->source) /* the same site in another process */
        return;
    probe->sites = room_for_one(probe->sites, probe->site_count, sizeof(void *));
    probe->sites[probe->site_count++] = found->probe;
    plan->site_count++;
}

/* Sort sites in the order of the file's notes. */
static int compare_sites(const void *left, const void *right)
{
    const struct usdt_probe *const *a = left, *const *b = right;

    return (*a > *b) - (*a < *b);
}

static void complete_probe(struct plan_probe *probe)
{
    struct text title = {0};

    qsort(probe->sites, probe->site_count, sizeof(void *), compare_sites);
    text_add_shown(&title, probe->provider, strlen(probe->provider));
    text_add(&title, ":");
    text_add_shown(&title, probe->name, strlen(probe->name));
    probe->title = title.bytes;
    plan_read_arguments(probe);
}

static void free_probe(struct plan_probe *probe)
{
    for (size_t i = 0; i < probe->argument_count; i++)
        free(probe->arguments[i].name);
    usdt_arguments_free(&probe->words);
    free(probe->title);
    free(probe->sites);
}

/* Remove the probes that lack an argument. */
static void skip_probes(struct plan *plan, const struct filter *filter)
{
    const char **missing = sure(calloc(plan->probe_count + 1, sizeof(*missing)));
    bool skips = choose_probes(plan, filter, missing);
    size_t kept = 0;

    for (size_t i = 0; i < plan->probe_count; i++)
        if (skips && missing[i])
            free_probe(&plan->probes[i]);
        else
            plan->probes[kept++] = plan->probes[i];
    plan->probe_count = kept;
    free(missing);
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
        for (size_t j = i; j-- > 0 && is_named(&plan->probes[j], probe->provider, probe->name);)
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
    if (i == plan->file_count)
        APPEND(plan->files, plan->file_count,
               (struct plan_file){.source = source, .path = whole_path(source->path)});
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

static enum status make(struct plan *plan, struct filter *filter)
{
    enum status status;

    for (size_t i = 0; i < plan->findings.count && plan->site_count <= MOST_SITES; i++)
        add_found(plan, &plan->findings.list[i]);
    if (plan->site_count > MOST_SITES)
        return say_usage("trace",
                         "more than %d sites of probes are too many to watch at once: name the "
                         "probes that you mean",
                         MOST_SITES);
    for (size_t i = 0; i < plan->probe_count; i++)
        complete_probe(&plan->probes[i]);
    skip_probes(plan, filter);
    find_alike(plan);
    plan->site_count = 0;
    for (size_t i = 0; i < plan->probe_count; i++)
        plan_add_variants(plan, i, find_file(plan, plan->probes[i].source));
    add_pids(plan);
    status = choose_arguments(plan);
    return status == STATUS_GOOD && plan->options->filter ? choose_conditions(plan, filter)
                                                          : status;
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
        usdt_symbols_free(plan->files[i].symbols);
    }
    free(plan->variants);
    free(plan->probes);
    free(plan->files);
    findings_free(&plan->findings);
    *plan = (struct plan){0};
}
