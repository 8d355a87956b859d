/* SPDX-License-Identifier: MIT */
/*
 * rst check: what this machine can do for probes, a line for each fact.
 */
#include "cli/check/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/quote.h"
#include "cli/base/table.h"
#include "error.h"
#include "rst.h"

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

void fact_set(struct machine *machine, enum verdict verdict, const char *format, ...)
{
    va_list args;
    char *words;

    va_start(args, format);
    sure(vasprintf(&words, format, args) < 0 ? NULL : words);
    va_end(args);
    machine->verdict = verdict;
    text_clear(&machine->words);
    text_add_shown(&machine->words, words, strlen(words));
    free(words);
}

static void run_checks(const struct check *checks, struct machine *machine)
{
    static const struct {
        const char *word, *colour;
    } verdicts[] = {
        [VERDICT_YES] = {"yes", "\033[32m"},
        [VERDICT_NO] = {"no", "\033[1;31m"},
        [VERDICT_NOTE] = {"-", ""},
    };

    for (const struct check *each = checks; each->run; each++) {
        const char *colour;

        text_clear(&machine->words);
        machine->context = each->context;
        each->run(machine);
        if (machine->words.size == 0)
            continue;
        colour = table_has_colour() ? verdicts[machine->verdict].colour : "";
        printf("%s%-3s%s  %-10s  %s\n", colour, verdicts[machine->verdict].word,
               *colour ? "\033[0m" : "", each->name, machine->words.bytes);
        fflush(stdout); /* the next check may take a moment */
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
    free(machine.words.bytes);
    if (!machine.provider)
        return STATUS_UNLOADABLE;
    rst_provider_free(machine.provider);
    if (machine.image >= 0)
        close(machine.image);
    return machine.traces ? STATUS_GOOD : STATUS_UNTRACEABLE;
}

const struct command check_command = {"check", "what this machine can do for probes", help, run};
