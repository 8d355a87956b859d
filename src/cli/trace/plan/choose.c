/* SPDX-License-Identifier: MIT */
/* The arguments that options name, of which a probe may have none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/text.h"
#include "cli/trace/plan/filter.h"
#include "error.h"

#define MOST_NAMES 4 /* how many skipped probes a message names */

/* The first argument that an option names and the probe does not have; NULL: it has them all. */
static const char *missing_argument(const struct trace_options *options,
                                    const struct filter *filter, const struct plan_probe *probe)
{
    if (options->by && plan_argument_named(probe, options->by) < 0)
        return options->by;
    if (options->hist && plan_argument_named(probe, options->hist) < 0)
        return options->hist;
    return options->filter ? filter_missing(filter, probe) : NULL;
}

/* One message for the probes without the same argument, beginning with the first of them. */
static void say_skipped(const struct plan *plan, const char *const *missing, size_t first)
{
    struct text names = {0};
    size_t count = 0;

    for (size_t i = 0; i < plan->probe_count; i++) {
        if (!missing[i] || strcmp(missing[i], missing[first]) != 0)
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

/* If all probes lack an argument, none is skipped, and plan_choose() reports it. */
void plan_skip_probes(struct plan *plan, const struct filter *filter)
{
    const char **missing = sure(calloc(plan->probe_count + 1, sizeof(*missing)));
    size_t lacking = 0, kept = 0;

    for (size_t i = 0; i < plan->probe_count; i++) {
        missing[i] = missing_argument(plan->options, filter, &plan->probes[i]);
        lacking += missing[i] != NULL;
    }
    if (lacking < plan->probe_count) {
        for (size_t i = 0; i < plan->probe_count; i++)
            if (missing[i])
                say_skipped(plan, missing, i);
        for (size_t i = 0; i < plan->probe_count; i++)
            if (missing[i])
                plan_free_probe(&plan->probes[i]);
            else
                plan->probes[kept++] = plan->probes[i];
        plan->probe_count = kept;
    }
    free(missing);
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

static enum status say_unreadable(const char *option, const char *name,
                                  const struct plan_probe *probe)
{
    const struct operand *operand =
        &probe->arguments[plan_argument_named(probe, name)].site.operand;

    say("%s %s: rst can't read that argument of %s (%s)", option, rst_quote(name).text,
        probe->title, rst_quote_bytes(operand->text, operand->length).text);
    return STATUS_FAILED;
}

/* librst's note declares the argument as a number, so it can't be an address. */
static bool is_declared_number(const struct plan_argument *argument)
{
    int type = argument->site.true_type;

    return type >= 0 && type != RST_TYPE_STRING && type != RST_TYPE_POINTER;
}

/* Whether a number of so many bytes may be an address. librst's have 8 on every CPU. */
static bool is_address(const struct plan_variant *variant, uint8_t size)
{
    return size == 8 || size == context_word(variant->context);
}

/* Treat the argument as a string at the sites where it can be one, which must be some. */
static enum status make_string(struct plan *plan, const char *name)
{
    const struct plan_probe *probe = &plan->probes[0];
    const struct plan_argument *argument;
    bool any = false;
    ssize_t at;

    for (size_t i = 0; i < plan->variant_count; i++) {
        struct plan_variant *variant = &plan->variants[i];
        const struct plan_probe *own = &plan->probes[variant->probe];

        at = plan_argument_named(own, name);
        if (at < 0 || !is_address(variant, variant->values[at].size) ||
            is_declared_number(&own->arguments[at]))
            continue;
        variant->values[at].kind = VALUE_STRING;
        variant->values[at].is_signed = false;
        any = true;
    }
    if (any)
        return STATUS_GOOD;
    at = plan_argument_named(probe, name);
    if (at < 0)
        return say_no_argument("--string", name, probe);
    argument = &probe->arguments[at];
    if (is_address(&plan->variants[probe->variant], operand_size(&argument->site.operand)) &&
        !is_declared_number(argument))
        return say_unreadable("--string", name, probe);
    return say_usage("trace", "--string %s: in %s it is a number (%s), not an address", name,
                     probe->title, argument->site.type);
}

/* Find the argument in every probe. It must be readable at one site at least. */
static enum status find_argument(struct plan *plan, bool is_hist)
{
    const char *option = is_hist ? "--hist" : "--by";
    const char *name = is_hist ? plan->options->hist : plan->options->by;
    bool readable = !name;

    for (size_t i = 0; name && i < plan->variant_count; i++) {
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
    return readable ? STATUS_GOOD : say_unreadable(option, name, &plan->probes[0]);
}

/* Takes the error over. Gives STATUS_USAGE. */
enum status plan_say_bad_filter(const char *text, struct filter_error error)
{
    struct text shown = {0};
    size_t at;

    text_clear(&shown);
    text_add_shown(&shown, text, error.at);
    at = text_width(shown.bytes);
    text_add_shown(&shown, text + error.at, strlen(text) - error.at);
    say("--filter: %s\n    %s\n    %*s^", error.words, shown.bytes, (int)at, "");
    fputs("Try 'rst trace --help'.\n", stderr);
    free(shown.bytes);
    free(error.words);
    return STATUS_USAGE;
}

static enum status bind_filter(struct plan *plan, struct filter *filter)
{
    for (size_t i = 0; i < plan->probe_count; i++) {
        const struct plan_probe *probe = &plan->probes[i];

        for (size_t j = 0; j < probe->variant_count; j++) {
            struct plan_variant *variant = &plan->variants[probe->variant + j];
            struct filter_error error = filter_bind(filter, plan, variant, &variant->condition);

            if (error.words)
                return plan_say_bad_filter(plan->options->filter, error);
        }
        /* Probes that are alike need the same notes. */
        filter_say_notes(filter, probe->alike == i ? probe->variant_count : 0);
    }
    return STATUS_GOOD;
}

enum status plan_choose(struct plan *plan, struct filter *filter)
{
    enum status status = STATUS_GOOD;

    for (size_t i = 0; status == STATUS_GOOD && i < plan->options->string_count; i++)
        status = make_string(plan, plan->options->strings[i]);
    for (int is_hist = 0; status == STATUS_GOOD && is_hist < 2; is_hist++)
        status = find_argument(plan, is_hist);
    return status == STATUS_GOOD && plan->options->filter ? bind_filter(plan, filter) : status;
}
