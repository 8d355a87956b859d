/* SPDX-License-Identifier: MIT */
/*
 * A probe's arguments, and its variants: which sites have them in the same places.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/base/file.h"
#include "cli/trace/plan/choose.h"
#include "cli/usdt/elf_file.h"

#ifdef __x86_64__
#define OWN_MACHINE EM_X86_64
#else
#define OWN_MACHINE EM_NONE
#endif

void plan_read_arguments(struct plan_probe *probe)
{
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

ssize_t plan_argument_named(const struct plan_probe *probe, const char *name)
{
    char other[32];

    for (size_t i = 0; i < probe->argument_count; i++) {
        snprintf(other, sizeof(other), "arg%zu", i);
        if (strcmp(name, probe->arguments[i].name) == 0 || strcmp(name, other) == 0)
            return (ssize_t)i;
    }
    return -1;
}

/* ------------------------------------------------------------------------------- values -- */

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

static struct location locate(struct plan_file *file, const struct usdt_probe *site,
                              const struct operand *operand)
{
    uint16_t machine = file->source->file->machine;
    struct location location = location_of(machine, operand, site->site, NULL);

    /* It may be at a symbol, unless it is in a register. */
    if (location.kind == LOCATION_NONE && operand->length > 0 && *operand->text != '%')
        location = location_of(machine, operand, site->site, symbols_of(file));
    return location;
}

static void read_values(struct plan_file *file, const struct usdt_probe *site,
                        struct plan_value ret[USDT_MOST_ARGUMENTS])
{
    uint16_t machine = file->source->file->machine;
    struct usdt_arguments arguments;

    usdt_arguments(machine, site, &arguments);
    for (size_t i = 0; i < arguments.count; i++) {
        const struct operand *operand = &arguments.list[i].operand;
        struct plan_value value = {
            .kind = kind_of(&arguments.list[i]),
            .size = operand->size ? operand_size(operand) : 8,
            .is_signed = operand->is_signed,
            .location = locate(file, site, operand),
        };

        if (machine != OWN_MACHINE || value.location.kind == LOCATION_NONE ||
            (operand->is_float && operand->size < 4))
            value.size = 0;
        ret[i] = value;
    }
    usdt_arguments_free(&arguments);
}

/* ----------------------------------------------------------------------------- variants -- */

/* Equal operands are at the same place, unless that is at a symbol, which is relative to the site.
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

static struct plan_variant *find_variant(struct plan *plan, size_t probe,
                                         const struct usdt_probe *site,
                                         const struct plan_value *values)
{
    struct plan_variant *variant;

    for (size_t i = plan->probes[probe].variant; i < plan->variant_count; i++)
        if (is_of_variant(&plan->variants[i], site, values))
            return &plan->variants[i];
    APPEND(plan->variants, plan->variant_count, (struct plan_variant){.probe = probe});
    plan->probes[probe].variant_count++;
    variant = &plan->variants[plan->variant_count - 1];
    memcpy(variant->values, values, sizeof(variant->values));
    return variant;
}

void plan_add_variants(struct plan *plan, size_t probe, size_t file)
{
    plan->probes[probe].variant = plan->variant_count;
    for (size_t i = 0; i < plan->probes[probe].site_count; i++) {
        const struct usdt_probe *site = plan->probes[probe].sites[i];
        struct plan_value values[USDT_MOST_ARGUMENTS] = {{0}};
        struct plan_variant *variant;

        read_values(&plan->files[file], site, values);
        variant = find_variant(plan, probe, site, values);
        APPEND(variant->sites, variant->site_count,
               (struct plan_site){site, file, site->site, site->semaphore});
    }
    plan->site_count += plan->probes[probe].site_count;
}
