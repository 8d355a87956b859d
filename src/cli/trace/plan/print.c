/* SPDX-License-Identifier: MIT */
/* --print: what rst would watch, for people. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/text.h"
#include "cli/trace/plan/plan.h"

static void print_argument(const char *name, const struct plan_value *value,
                           const struct usdt_argument *argument)
{
    struct text place = {0};

    text_clear(&place);
    text_add_shown(&place, argument->operand.text, argument->operand.length);
    printf("    %-12s %-8s %s%s\n", name, value->kind == VALUE_STRING ? "string" : argument->type,
           place.bytes, value->size ? "" : ": rst can't read it");
    free(place.bytes);
}

static void print_variant(const struct plan *plan, const struct plan_variant *variant)
{
    const struct plan_probe *probe = &plan->probes[variant->probe];
    const struct plan_file *file = &plan->files[variant->sites[0].file];
    struct usdt_arguments arguments;

    printf("%s in %s\n", probe->title, text_path(file->path).text);
    printf("    processes   %s", file->pid_count ? "" : " all that have the file");
    for (size_t i = 0; i < file->pid_count; i++)
        printf(" %ld", (long)file->pids[i]);
    printf("\n    %zu site%s at", variant->site_count, variant->site_count == 1 ? "" : "s");
    for (size_t i = 0; i < variant->site_count; i++) {
        printf(" 0x%" PRIx64, variant->sites[i].offset);
        if (variant->sites[i].semaphore)
            printf("(0x%" PRIx64 ")", variant->sites[i].semaphore);
    }
    printf("\n");
    usdt_arguments(file->source->file->machine, variant->sites[0].usdt, &arguments);
    for (size_t i = 0; i < probe->argument_count && i < arguments.count; i++)
        print_argument(probe->arguments[i].name, &variant->values[i], &arguments.list[i]);
    usdt_arguments_free(&arguments);
}

void plan_print(const struct plan *plan, void (*print_more)(const struct plan *, size_t variant))
{
    for (size_t i = 0; i < plan->variant_count; i++) {
        print_variant(plan, &plan->variants[i]);
        print_more(plan, i);
    }
}
