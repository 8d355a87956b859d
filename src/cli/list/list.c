/* SPDX-License-Identifier: MIT */
/*
 * rst list: list probes, and whether they are watched.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/json.h"
#include "cli/base/table.h"
#include "cli/base/text.h"
#include "cli/find/find.h"

static const char help[] =
    "Usage: rst list [OPTION]... [-p PID]... [FILE]... [PROVIDER:PROBE]...\n"
    "List the probes of processes and files. If none is named, look at every process.\n"
    "\n"
    "  -p, --pid PID   look at process PID; may be given several times\n"
    "  -w, --watched   list only probes that a tracer watches now\n"
    "      --json      print all that is known, as JSON: one object for each site\n"
    "      --names     print only the names, each once\n"
    "  -h, --help      show this text\n"
    "\n"
    "PROVIDER:PROBE is a glob: 'shop:*', '*:checkout', 'ruby:gc__*'. A FILE is a program, a\n"
    "library or an image; a word with a colon and no slash is a glob.\n"
    "\n"
    "Examples:\n"
    "    rst list -p 4711                  the probes of process 4711\n"
    "    rst list -p 4711 'shop:*'         only those of its provider shop\n"
    "    sudo rst list --watched           which probes are watched, and where\n"
    "    rst list ./server                 the probes of a program that isn't running\n"
    "    rst list -p 4711 --json | jq .    the same, for programs\n"
    "\n"
    "WATCHED is the count in the probe's semaphore, 0 if nobody watches; \"-\": there is no\n"
    "semaphore, so rst can't tell; \"?\": you may not read it. PATH is what a tracer attaches to.\n"
    "Exit status: 0; 1 no such probe, 3 no such process or file, 4 no permission, 5 a file that\n"
    "can't be read; rst(1) has them all.\n";

struct list_options {
    struct search search;
    int json, names;
    bool watched;
};

static enum status parse(int count, char **words, struct list_options *options)
{
    const struct option known[] = {
        {"pid", required_argument, NULL, 'p'},
        {"watched", no_argument, NULL, 'w'},
        {"json", no_argument, &options->json, true},
        {"names", no_argument, &options->names, true},
        {NULL, 0, NULL, 0},
    };
    enum status status = STATUS_GOOD;
    int option;

    while (status == STATUS_GOOD &&
           (option = getopt_long(count, words, ":p:w", known, NULL)) != -1) {
        if (option == 'p')
            status = search_add_pid(&options->search, "list", optarg);
        else if (option == 'w')
            options->watched = true;
        else if (option != 0) /* 0: it is stored */
            status = say_bad_option("list", option, words);
    }
    if (status == STATUS_GOOD && options->json && options->names)
        status = say_usage("list", "give either --json, which has all that is known, or --names");
    for (; status == STATUS_GOOD && optind < count; optind++)
        search_add_word(&options->search, words[optind]);
    return status;
}

/* ------------------------------------------------------------------------------ as JSON -- */

static void write_argument(struct json *json, const struct usdt_argument *argument)
{
    const struct operand *operand = &argument->operand;

    json_open(json, NULL, '{');
    json_bytes(json, "name", argument->name, argument->name_length);
    json_string(json, "type", argument->type);
    json_bool(json, "declared", argument->true_type >= 0);
    json_number(json, "size", operand->size);
    json_bool(json, "signed", operand->is_signed);
    json_bool(json, "float", operand->is_float);
    json_string(json, "kind", operand_kind_names[operand->kind]);
    json_bytes(json, "operand", operand->text, operand->length);
    json_close(json, '{');
}

static void write_arguments(struct json *json, const struct found *found)
{
    struct usdt_arguments arguments;

    usdt_arguments(found->source->file->machine, found->probe, &arguments);
    json_open(json, "arguments", '[');
    for (size_t i = 0; i < arguments.count; i++)
        write_argument(json, &arguments.list[i]);
    json_close(json, '[');
    if (arguments.more)
        json_bool(json, "more_arguments", true);
}

static void write_number_or_null(struct json *json, const char *name, bool known, uint64_t value)
{
    if (known)
        json_number(json, name, value);
    else
        json_null(json, name);
}

static void write_found(struct json *json, const struct found *found)
{
    const struct source *source = found->source;

    json_open(json, NULL, '{');
    json_string(json, "provider", found->probe->provider);
    json_string(json, "probe", found->probe->name);
    write_arguments(json, found);
    write_number_or_null(json, "pid", source->pid > 0, (uint64_t)source->pid);
    json_string(json, "command", source->command);
    json_string(json, "place", source_kind_names[source->kind]);
    json_string(json, "path", source->path);
    json_number(json, "site", found->probe->site);
    write_number_or_null(json, "semaphore", found->probe->semaphore > 0, found->probe->semaphore);
    write_number_or_null(json, "watched", found->watched >= 0, (uint64_t)found->watched);
    json_close(json, '{');
}

/* rst(1) describes the members. More may be added; none is removed or changed. */
static void print_json(const struct findings *findings)
{
    struct json json = {.out = stdout};

    putchar('[');
    for (size_t i = 0; i < findings->count; i++) {
        fputs(i ? ",\n" : "\n", stdout);
        json.begun = false;
        write_found(&json, &findings->list[i]);
    }
    fputs("\n]\n", stdout);
}

/* -------------------------------------------------------------------------- as a table -- */

/* Sites that would look the same. So do processes that have mapped the same file. */
struct row {
    const struct found *first;
    char *arguments;
    size_t sites, processes;
};

static void add_name(const struct usdt_probe *probe, struct text *ret)
{
    text_add_shown(ret, probe->provider, strlen(probe->provider));
    text_add(ret, ":");
    text_add_shown(ret, probe->name, strlen(probe->name));
}

/* The arguments for people: "uint64 order, string customer"; "-" for none. */
static char *arguments_of(const struct found *found)
{
    struct usdt_arguments arguments;
    struct text text = {0};

    usdt_arguments(found->source->file->machine, found->probe, &arguments);
    for (size_t i = 0; i < arguments.count; i++) {
        const struct usdt_argument *argument = &arguments.list[i];

        text_addf(&text, "%s%s", i ? ", " : "", argument->type);
        if (argument->name)
            text_addf(&text, " %.*s", (int)argument->name_length, argument->name);
    }
    text_add(&text, arguments.more ? ", ..." : arguments.count == 0 ? "-" : "");
    return text.bytes;
}

static void add_process(const struct row *row, struct text *ret)
{
    const struct source *source = row->first->source;

    if (source->pid == 0) {
        text_add(ret, "-");
        return;
    }
    text_addf(ret, "%ld ", (long)source->pid);
    text_add_shown(ret, source->command, strlen(source->command));
    if (row->processes > 1)
        text_addf(ret, " +%zu", row->processes - 1);
}

static bool is_in_row(const struct row *row, const struct found *found, const char *arguments)
{
    const struct found *first = row->first;

    return usdt_same_name(first->probe, found->probe) && first->watched == found->watched &&
           first->source->kind == found->source->kind &&
           strcmp(first->source->path, found->source->path) == 0 &&
           strcmp(row->arguments, arguments) == 0;
}

enum { PROBE, ARGUMENTS, WATCHED, SITES, PROCESS, WHERE, PATH, COLUMNS };

static void add_row(const struct row *row, struct text *ret)
{
    const struct found *found = row->first;
    const char *path = found->source->path;

    text_add(ret, found->watched > 0 ? TABLE_BRIGHT : TABLE_PLAIN);
    add_name(found->probe, ret);
    text_addf(ret, "\t%s\t", row->arguments);
    if (found->watched >= 0)
        text_addf(ret, "%" PRId32, found->watched);
    else
        text_add(ret, found->watched == WATCHED_UNKNOWN ? "?" : "-");
    text_addf(ret, "\t%zu\t", row->sites);
    add_process(row, ret);
    text_addf(ret, "\t%s\t", source_kind_names[found->source->kind]);
    text_add_shown(ret, path, strlen(path));
    text_add(ret, "\n");
}

static void print_table(const struct findings *findings)
{
    struct table_column columns[COLUMNS] = {
        [PROBE] = {CUT_NEVER, false}, [ARGUMENTS] = {CUT_END, false}, [WATCHED] = {CUT_NEVER, true},
        [SITES] = {CUT_NEVER, true},  [PROCESS] = {CUT_END, true},    [WHERE] = {OWN_LINE, false},
        [PATH] = {OWN_LINE, false},
    };
    struct table table = {.columns = columns, .column_count = COLUMNS};
    struct row row = {0};

    text_add(&table.rows, TABLE_TITLES "PROBE\tARGUMENTS\tWATCHED\tSITES\tPROCESS\tWHERE\tPATH\n");
    for (size_t i = 0; i < findings->count; i++) {
        const struct found *found = &findings->list[i];
        char *arguments = arguments_of(found);

        if (i > 0 && is_in_row(&row, found, arguments)) {
            free(arguments);
        } else {
            if (i > 0)
                add_row(&row, &table.rows);
            free(row.arguments);
            row = (struct row){found, arguments, 0, 0};
        }
        row.sites += found->source->pid == row.first->source->pid;
        row.processes += found->probe->site == row.first->probe->site;
        if (row.sites > 1)
            columns[SITES].is_hidden = false;
        if (found->source->pid != findings->list[0].source->pid)
            columns[PROCESS].is_hidden = false;
        if (found->source->pid != 0)
            columns[WATCHED].is_hidden = false;
    }
    add_row(&row, &table.rows);
    free(row.arguments);
    table_print(&table);
}

/* ------------------------------------------------------------------------------------ all -- */

static void print_names(const struct findings *findings)
{
    struct text name = {0};

    for (size_t i = 0; i < findings->count; i++) {
        const struct usdt_probe *probe = findings->list[i].probe;

        if (i > 0 && usdt_same_name(probe, findings->list[i - 1].probe))
            continue;
        text_clear(&name);
        add_name(probe, &name);
        puts(name.bytes);
    }
    free(name.bytes);
}

static enum status keep_watched(struct findings *findings)
{
    size_t kept = 0, told = 0;

    for (size_t i = 0; i < findings->count; i++) {
        told += findings->list[i].watched >= 0;
        if (findings->list[i].watched > 0)
            findings->list[kept++] = findings->list[i];
    }
    if (kept == 0 && told > 0)
        say("none of %zu probes is watched", told);
    if (told < findings->count && !findings->sweeps)
        say("rst can't tell whether %zu probes are watched: you named no process, or they "
            "have no semaphore that you may read",
            findings->count - told);
    findings->count = kept;
    return kept == 0 ? STATUS_NONE : STATUS_GOOD;
}

static enum status run(int count, char **words)
{
    struct list_options options = {0};
    struct findings findings;
    enum status status = parse(count, words, &options);

    if (status == STATUS_GOOD) {
        find_probes(&options.search, &findings);
        status = findings.status;
        if (options.watched && keep_watched(&findings) != STATUS_GOOD && status == STATUS_GOOD)
            status = STATUS_NONE;
        if (options.json)
            print_json(&findings);
        else if (options.names)
            print_names(&findings);
        else if (findings.count > 0)
            print_table(&findings);
        findings_free(&findings);
    }
    search_free(&options.search);
    return status;
}

const struct command list_command = {
    "list", "the probes of a process, of a file, or of every process", help, run};
