/* SPDX-License-Identifier: MIT */
/*
 * From the sites that were found to a plan. All sites of the same name in the same file are one
 * probe, in however many processes.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/base/file.h"
#include "cli/base/text.h"
#include "cli/trace/plan/filter.h"
#include "cli/usdt/elf_file.h"

#define MOST_SITES 10000

/*
 * Leave out the probes of programs that the kernel can't run. A file may be for any CPU, and so may
 * be what an emulator runs.
 */
static enum status skip_foreign(struct findings *findings)
{
    const struct rst_arch *kernel = context_kernel();
    const struct source *first = NULL;
    size_t kept = 0, skipped;

    for (size_t i = 0; i < findings->count; i++) {
        const struct source *source = findings->list[i].source;

        if (context_find(kernel, source->file->arch))
            findings->list[kept++] = findings->list[i];
        else if (!first)
            first = source;
    }
    skipped = findings->count - kept;
    findings->count = kept;
    if (skipped > 0)
        say("skipped %zu probe%s: %s is for %s, and the kernel here is for %s", skipped,
            skipped == 1 ? "" : "s", text_path(first->path).text,
            first->file->arch ? first->file->arch->name : "another CPU",
            kernel ? kernel->name : "a CPU that rst does not know");
    return kept == 0 ? STATUS_BAD_FILE : STATUS_GOOD;
}

static bool is_named(const struct plan_probe *probe, const char *provider, const char *name)
{
    return strcmp(probe->name, name) == 0 && strcmp(probe->provider, provider) == 0;
}

/* The findings are sorted by name, so those of one name are neighbours. */
static struct plan_probe *find_probe(struct plan *plan, const struct found *found)
{
    const char *provider = found->probe->provider, *name = found->probe->name;

    for (size_t i = plan->probe_count; i-- > 0 && is_named(&plan->probes[i], provider, name);)
        if (plan->probes[i].source->file == found->source->file)
            return &plan->probes[i];
    APPEND(plan->probes, plan->probe_count,
           (struct plan_probe){
               .provider = provider, .name = name, .source = found->source, .by = -1, .hist = -1});
    return &plan->probes[plan->probe_count - 1];
}

static void add_found(struct plan *plan, const struct found *found)
{
    struct plan_probe *probe = find_probe(plan, found);

    if (found->source != probe->source) /* the same site in another process */
        return;
    APPEND(probe->sites, probe->site_count, found->probe);
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
    usdt_arguments(probe->source->file->machine, probe->sites[0], &probe->words);
    probe->argument_count = probe->words.count;
    for (size_t i = 0; i < probe->words.count; i++) {
        const struct usdt_argument *argument = &probe->words.list[i];

        probe->arguments[i].site = *argument;
        probe->arguments[i].name =
            argument->name ? text_format("%.*s", (int)argument->name_length, argument->name)
                           : text_format("arg%zu", i);
    }
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
static size_t find_alike(const struct plan *plan, size_t number)
{
    const struct plan_probe *probes = plan->probes, *probe = &probes[number];

    for (size_t i = number; i-- > 0 && is_named(&probes[i], probe->provider, probe->name);)
        if (are_alike(&probes[i], probe))
            return probes[i].alike;
    return number;
}

void plan_free_probe(struct plan_probe *probe)
{
    for (size_t i = 0; i < probe->argument_count; i++)
        free(probe->arguments[i].name);
    free(probe->title);
    free(probe->sites);
}

static enum value_kind kind_of(const struct usdt_argument *argument)
{
    static const enum value_kind kinds[RST_TYPES] = {
        [RST_TYPE_BOOL] = VALUE_BOOL,     [RST_TYPE_FLOAT] = VALUE_FLOAT,
        [RST_TYPE_DOUBLE] = VALUE_DOUBLE, [RST_TYPE_POINTER] = VALUE_POINTER,
        [RST_TYPE_STRING] = VALUE_STRING,
    };

    if (argument->operand.is_float)
        return argument->operand.size == 4 ? VALUE_FLOAT : VALUE_DOUBLE;
    return argument->true_type < 0 ? VALUE_INTEGER : kinds[argument->true_type];
}

static const struct usdt_symbols *symbols_of(struct plan_file *file)
{
    struct stat about;
    int fd = file->symbols ? -1 : file_open(file->path, &about);

    if (fd >= 0) {
        file->symbols = usdt_symbols_read(fd);
        close(fd);
    }
    return file->symbols;
}

static void read_values(struct plan_file *file, const struct usdt_probe *site,
                        struct plan_variant *ret)
{
    const struct context *context = ret->context;
    struct usdt_arguments arguments;

    usdt_arguments(file->source->file->machine, site, &arguments);
    for (size_t i = 0; i < arguments.count; i++) {
        const struct operand *operand = &arguments.list[i].operand;
        struct location location = location_of(context, operand, site->site, NULL);

        /* It may be at a symbol, unless it is in a register. */
        if (location.kind == LOCATION_NONE && operand->length > 0 && *operand->text != '%')
            location = location_of(context, operand, site->site, symbols_of(file));
        ret->values[i] = (struct plan_value){.kind = kind_of(&arguments.list[i]),
                                             .size = operand->size ? operand_size(operand)
                                                                   : context_word(context),
                                             .is_signed = operand->is_signed,
                                             .location = location};
        if (location.kind == LOCATION_NONE || (operand->is_float && operand->size < 4))
            ret->values[i].size = 0;
    }
}

/*
 * Equal operands are at the same place, unless that is at a symbol, which is relative to the site.
 */
static bool is_of_variant(const struct plan_variant *variant, const struct usdt_probe *site,
                          const struct plan_value *values)
{
    if (strcmp(variant->sites[0].usdt->operands, site->operands) != 0)
        return false;
    for (size_t i = 0; i < USDT_MOST_ARGUMENTS; i++)
        if (variant->values[i].location.number != values[i].location.number ||
            variant->values[i].kind != values[i].kind)
            return false;
    return true;
}

static void add_site(struct plan *plan, size_t probe, size_t file, const struct usdt_probe *site)
{
    struct plan_variant new = {.probe = probe}, *variant;
    size_t i = plan->probes[probe].variant;

    new.context = context_find(context_kernel(), plan->files[file].source->file->arch);
    read_values(&plan->files[file], site, &new);
    while (i < plan->variant_count && !is_of_variant(&plan->variants[i], site, new.values))
        i++;
    if (i == plan->variant_count) {
        APPEND(plan->variants, plan->variant_count, new);
        plan->probes[probe].variant_count++;
    }
    variant = &plan->variants[i];
    APPEND(variant->sites, variant->site_count,
           (struct plan_site){site, file, site->site, site->semaphore});
}

static size_t find_file(struct plan *plan, const struct source *source)
{
    char *whole;
    size_t i = 0;

    while (i < plan->file_count && plan->files[i].source->file != source->file)
        i++;
    if (i < plan->file_count)
        return i;
    /* A script may run elsewhere, so a relative path becomes a whole one. */
    whole = *source->path == '/' ? NULL : realpath(source->path, NULL);
    APPEND(
        plan->files, plan->file_count,
        (struct plan_file){.source = source, .path = whole ? whole : sure(strdup(source->path))});
    return i;
}

static bool has_pid(const struct plan_file *file, pid_t pid)
{
    for (size_t i = 0; i < file->pid_count; i++)
        if (file->pids[i] == pid)
            return true;
    return false;
}

/*
 * With -p, a file is watched in the processes that were named and have it. But if it was named
 * itself, in every process.
 */
static void add_pids(struct plan *plan, struct plan_file *file)
{
    const struct findings *findings = &plan->findings;

    for (size_t i = 0; i < findings->source_count; i++) {
        const struct source *source = findings->sources[i];

        if (source->file != file->source->file)
            continue;
        if (source->pid == 0) {
            file->pid_count = 0;
            return;
        }
        if (!has_pid(file, source->pid))
            APPEND(file->pids, file->pid_count, source->pid);
    }
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

static enum status make(struct plan *plan, struct filter *filter)
{
    struct findings *findings = &plan->findings;
    enum status status = skip_foreign(findings);

    if (status != STATUS_GOOD)
        return status;
    for (size_t i = 0; i < findings->count && plan->site_count <= MOST_SITES; i++)
        add_found(plan, &findings->list[i]);
    if (plan->site_count > MOST_SITES)
        return say_usage("trace",
                         "more than %d sites of probes are too many to watch at once: name the "
                         "probes that you mean",
                         MOST_SITES);
    for (size_t i = 0; i < plan->probe_count; i++)
        complete_probe(&plan->probes[i]);
    plan_skip_probes(plan, filter);
    for (size_t i = 0; i < plan->probe_count; i++) {
        struct plan_probe *probe = &plan->probes[i];
        size_t file = find_file(plan, probe->source);

        probe->alike = find_alike(plan, i);
        probe->variant = plan->variant_count;
        for (size_t j = 0; j < probe->site_count; j++)
            add_site(plan, i, file, probe->sites[j]);
    }
    for (size_t i = 0; plan->options->search.pid_count > 0 && i < plan->file_count; i++)
        add_pids(plan, &plan->files[i]);
    return plan_choose(plan, filter);
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
        return plan_say_bad_filter(options->filter, error);
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
        plan_free_probe(&plan->probes[i]);
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
