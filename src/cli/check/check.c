/* SPDX-License-Identifier: MIT */
/*
 * rst check: what this machine can do for probes, a line for each fact.
 */
#include "cli/check/check.h"
#include "cli/base/quote.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/command.h"
#include "cli/base/table.h"
#include "error.h"

static const char help[] =
    "Usage: rst check\n"
    "Say what this machine can do for probes, a line for each fact, and what to do about a "
    "\"no\".\n"
    "\n"
    "To find out, it loads a probe of its own from each backing, and watches one for a moment.\n"
    "\n"
    "  -h, --help  show this text\n"
    "\n"
    "Exit status: 0 if probes can be loaded and you can trace them, 7 if they can be loaded but\n"
    "you can't trace them, 8 if they can't be loaded.\n"
    "\n"
    "Examples:\n"
    "    sudo rst check\n"
    "    sudo rst check | grep ^no\n";

__attribute__((format(printf, 2, 0))) static void put_words(struct text *text, const char *format,
                                                            va_list args)
{
    char *words;

    sure(vasprintf(&words, format, args) < 0 ? NULL : words);
    text_clear(text);
    text_add_shown(text, words, strlen(words));
    free(words);
}

void fact_set(struct fact *fact, enum verdict verdict, const char *format, ...)
{
    va_list args;

    fact->verdict = verdict;
    va_start(args, format);
    put_words(&fact->words, format, args);
    va_end(args);
}

void fact_advise(struct fact *fact, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_words(&fact->advice, format, args);
    va_end(args);
}

bool read_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "re");
    bool good = file && fgets(line, size, file);

    if (file)
        fclose(file);
    if (good)
        line[strcspn(line, "\n")] = '\0';
    return good;
}

static void print(const char *name, const struct fact *fact)
{
    static const struct {
        const char *word, *colour;
    } verdicts[] = {
        [VERDICT_YES] = {"yes", "\033[32m"},
        [VERDICT_NO] = {"no", "\033[1;31m"},
        [VERDICT_NOTE] = {"-", ""},
    };
    bool colour = table_has_colour() && *verdicts[fact->verdict].colour;

    printf("%s%-3s%s  %-10s  %s", colour ? verdicts[fact->verdict].colour : "",
           verdicts[fact->verdict].word, colour ? "\033[0m" : "", name, fact->words.bytes);
    if (fact->advice.size > 0)
        printf(": %s", fact->advice.bytes);
    putchar('\n');
    fflush(stdout); /* the next check may take a moment */
}

static void run_checks(const struct check *checks, struct machine *machine)
{
    for (const struct check *each = checks; each->run; each++) {
        struct fact fact = {0};

        if (each->run(machine, &fact))
            print(each->name, &fact);
        free(fact.words.bytes);
        free(fact.advice.bytes);
    }
}

static enum status run(int count, char **words)
{
    struct machine machine = {0};

    if (count > 1)
        return say_usage("check", "%s: it takes no arguments", rst_quote(words[1]).text);
    run_checks(kernel_checks, &machine);
    run_checks(load_checks, &machine);
    run_checks(tracer_checks, &machine);
    free(machine.directory);
    if (!machine.memfd_loads && !machine.file_loads)
        return STATUS_UNLOADABLE;
    return machine.traces ? STATUS_GOOD : STATUS_UNTRACEABLE;
}

const struct command check_command = {"check", "what this machine can do for probes", help, run};
