/* SPDX-License-Identifier: MIT */
#include "cli/trace/plan/choose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/text.h"
#include "error.h"

#define MOST_NAMES 4 /* how many skipped probes a message names */

void plan_add_names(struct text *ret, const struct plan_probe *probe)
{
    text_add(ret, probe->argument_count ? "such argument, only " : "arguments");
    for (size_t i = 0; i < probe->argument_count; i++)
        text_addf(ret, "%s%s", i ? ", " : "", probe->arguments[i].name);
}

static enum status say_no_argument(const char *option, const char *name,
                                   const struct plan_probe *probe)
{
    struct text words = {0};

    plan_add_names(&words, probe);
    say_usage("trace", "%s %s: %s has no %s", option, rst_quote(name).text, probe->title,
              words.bytes);
    free(words.bytes);
    return STATUS_USAGE;
}

/* ------------------------------------------------------------------------------ skipped -- */

/* The first argument that an option names and the probe does not have; NULL: it has them all. */
static const char *missing_argument(const struct trace_options *options,
                                    const struct filter *filter, const struct plan_probe *probe)
{
    const struct filter_word *word;

    if (options->by && plan_argument_named(probe, options->by) < 0)
        return options->by;
    if (options->hist && plan_argument_named(probe, options->hist) < 0)
        return options->hist;
    word = options->filter ? filter_missing(filter, probe) : NULL;
    return word ? word->text.bytes : NULL;
}

static bool is_same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* One message for the probes without the same argument, beginning with the first of them. */
static void say_skipped(const struct plan *plan, const char *const *missing, size_t first)
{
    struct text names = {0};
    size_t count = 0;

    for (size_t i = 0; i < plan->probe_count; i++) {
        if (!is_same(missing[i], missing[first]))
            continue;
        if (i < first)
            return;
        if (++count <= MOST_NAMES)
            text_addf(&names, "%s%s", count > 1 ? ", " : "", plan->probes[i].title);
    }
    if (count > MOST_NAMES)
        text_addf(&names, " and %zu more", count - MOST_NAMES);
    say("skipped, because %s no argument %s: %s", count == 1 ? "it has" : "they have",
        rst_quote(missing[first]).text, names.bytes);
    free(names.bytes);
}

bool choose_probes(const struct plan *plan, const struct filter *filter, const char **missing)
{
    size_t count = 0;

    for (size_t i = 0; i < plan->probe_count; i++) {
        missing[i] = missing_argument(plan->options, filter, &plan->probes[i]);
        count += missing[i] != NULL;
    }
    for (size_t i = 0; count < plan->probe_count && i < plan->probe_count; i++)
        if (missing[i])
            say_skipped(plan, missing, i);
    return count < plan->probe_count;
}

/* ---------------------------------------------------------------------------- arguments -- */

/* librst's note declares the argument as a number, so it can't be an address. */
static bool is_declared_number(const struct plan_argument *argument)
{
    int type = argument->site.true_type;

    return type >= 0 && type != RST_TYPE_STRING && type != RST_TYPE_POINTER;
}

/* Treat the argument as a string at the sites where it can be one. Gives whether there is one. */
static bool make_string(struct plan *plan, const char *name)
{
    bool any = false;

    for (size_t i = 0; i < plan->variant_count; i++) {
        struct plan_variant *variant = &plan->variants[i];
        const struct plan_probe *probe = &plan->probes[variant->probe];
        ssize_t at = plan_argument_named(probe, name);

        if (at < 0 || variant->values[at].size != 8 || is_declared_number(&probe->arguments[at]))
            continue;
        variant->values[at].kind = VALUE_STRING;
        any = true;
    }
    return any;
}

static enum status say_unreadable(const char *option, const char *name,
                                  const struct plan_argument *argument,
                                  const struct plan_probe *probe)
{
    say("%s %s: rst can't read that argument of %s (%s)", option, rst_quote(name).text,
        probe->title,
        rst_quote_bytes(argument->site.operand.text, argument->site.operand.length).text);
    return STATUS_FAILED;
}

static enum status say_no_string(const char *name, const struct plan_probe *probe)
{
    ssize_t at = plan_argument_named(probe, name);
    const struct plan_argument *argument = &probe->arguments[at < 0 ? 0 : at];

    if (at < 0)
        return say_no_argument("--string", name, probe);
    if (operand_size(&argument->site.operand) == 8 && !is_declared_number(argument))
        return say_unreadable("--string", name, argument, probe);
    return say_usage("trace", "--string %s: in %s it is a number (%s), not an address", name,
                     probe->title, argument->site.type);
}

/* Find the argument in every probe. It must be readable at one site at least. */
static enum status choose(struct plan *plan, const char *option, const char *name)
{
    bool is_hist = name == plan->options->hist, readable = false;
    const struct plan_probe *first = &plan->probes[0];

    for (size_t i = 0; i < plan->variant_count; i++) {
        const struct plan_variant *variant = &plan->variants[i];
        struct plan_probe *probe = &plan->probes[variant->probe];
        ssize_t at = plan_argument_named(probe, name);

        if (at < 0)
            return say_no_argument(option, name, probe);
        *(is_hist ? &probe->hist : &probe->by) = at;
        readable |= variant->values[at].size > 0;
        if (is_hist && variant->values[at].kind == VALUE_STRING)
            return say_usage("trace", "--hist %s: it is a string; a histogram takes numbers", name);
    }
    return readable ? STATUS_GOOD
                    : say_unreadable(option, name,
                                     &first->arguments[plan_argument_named(first, name)], first);
}

enum status choose_arguments(struct plan *plan)
{
    const struct trace_options *options = plan->options;
    enum status status = STATUS_GOOD;

    for (size_t i = 0; i < options->string_count; i++)
        if (!make_string(plan, options->strings[i]))
            return say_no_string(options->strings[i], &plan->probes[0]);
    if (options->by)
        status = choose(plan, "--by", options->by);
    return status == STATUS_GOOD && options->hist ? choose(plan, "--hist", options->hist) : status;
}

/* --------------------------------------------------------------------------- conditions -- */

enum status say_bad_filter(const char *text, struct filter_error error)
{
    struct text shown = {0};
    size_t at;

    text_clear(&shown);
    text_add_shown(&shown, text, error.at);
    at = text_width(shown.bytes);
    text_clear(&shown);
    text_add_shown(&shown, text, strlen(text));
    say("--filter: %s\n    %s\n    %*s^", error.words, shown.bytes, (int)at, "");
    fputs("Try 'rst trace --help'.\n", stderr);
    free(shown.bytes);
    free(error.words);
    return STATUS_USAGE;
}

enum status choose_conditions(struct plan *plan, struct filter *filter)
{
    for (size_t i = 0; i < plan->probe_count; i++) {
        const struct plan_probe *probe = &plan->probes[i];

        for (size_t j = 0; j < probe->variant_count; j++) {
            struct plan_variant *variant = &plan->variants[probe->variant + j];
            struct filter_error error = filter_bind(filter, plan, variant, &variant->condition);

            if (error.words)
                return say_bad_filter(plan->options->filter, error);
        }
        /* Probes that are alike need the same notes. */
        filter_say_notes(filter, probe->alike == i ? probe->variant_count : 0);
    }
    return STATUS_GOOD;
}
