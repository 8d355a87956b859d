/* SPDX-License-Identifier: MIT */
#include "cli/trace/plan/variant.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/base/file.h"
#include "cli/base/text.h"

#ifdef __x86_64__
#define OWN_MACHINE EM_X86_64
#else
#define OWN_MACHINE EM_NONE
#endif

/* ---------------------------------------------------------------------------- arguments -- */

void plan_read_arguments(uint16_t machine, const struct usdt_probe *site, struct plan_probe *probe)
{
    usdt_arguments(machine, site, &probe->words);
    probe->argument_count = probe->words.count;
    for (size_t i = 0; i < probe->words.count; i++) {
        const struct usdt_argument *argument = &probe->words.list[i];
        struct text name = {0};

        if (argument->name)
            text_add_bytes(&name, argument->name, argument->name_length);
        else
            text_addf(&name, "arg%zu", i);
        probe->arguments[i] = (struct plan_argument){name.bytes, argument->name, i, *argument};
    }
}

ssize_t plan_argument_named(const struct plan_probe *probe, const char *name, size_t length)
{
    char other[32];

    for (size_t i = 0; i < probe->argument_count; i++) {
        const char *const names[] = {probe->arguments[i].name, other};

        snprintf(other, sizeof(other), "arg%zu", i);
        for (size_t j = 0; j < 2; j++)
            if (strlen(names[j]) == length && memcmp(names[j], name, length) == 0)
                return (ssize_t)i;
    }
    return -1;
}

/* ------------------------------------------------------------------------------- values -- */

static enum value_kind kind_of(const struct usdt_argument *argument)
{
    if (argument->operand.is_float)
        return argument->operand.size == 4 ? VALUE_FLOAT : VALUE_DOUBLE;
    switch (argument->true_type) {
    case RST_TYPE_BOOL:
        return VALUE_BOOL;
    case RST_TYPE_FLOAT:
        return VALUE_FLOAT;
    case RST_TYPE_DOUBLE:
        return VALUE_DOUBLE;
    case RST_TYPE_POINTER:
        return VALUE_POINTER;
    case RST_TYPE_STRING:
        return VALUE_STRING;
    default:
        return VALUE_INTEGER;
    }
}

static const struct usdt_symbols *symbols_of(struct variant_maker *maker, size_t file)
{
    struct stat about;
    int fd;

    for (; maker->file_count <= file; maker->file_count++) {
        maker->symbols = room_for_one(maker->symbols, maker->file_count, sizeof(*maker->symbols));
        maker->symbols[maker->file_count] = NULL;
    }
    if (maker->symbols[file])
        return maker->symbols[file];
    fd = file_open(maker->plan->files[file].path, &about);
    if (fd < 0)
        return NULL;
    maker->symbols[file] = usdt_symbols_read(fd);
    close(fd);
    return maker->symbols[file];
}

static struct location locate(struct variant_maker *maker, size_t file,
                              const struct usdt_probe *site, const struct operand *operand)
{
    uint16_t machine = maker->plan->files[file].source->file->machine;
    struct location location = location_of(machine, operand, site, NULL);

    /* It may be at a symbol, unless it is in a register. */
    if (location.kind == LOCATION_NONE && operand->length > 0 && *operand->text != '%')
        location = location_of(machine, operand, site, symbols_of(maker, file));
    return location;
}

static void read_values(struct variant_maker *maker, size_t file, const struct usdt_probe *site,
                        struct plan_value ret[USDT_MOST_ARGUMENTS])
{
    uint16_t machine = maker->plan->files[file].source->file->machine;
    struct usdt_arguments arguments;

    usdt_arguments(machine, site, &arguments);
    for (size_t i = 0; i < arguments.count; i++) {
        const struct operand *operand = &arguments.list[i].operand;
        struct plan_value value = {
            .kind = kind_of(&arguments.list[i]),
            .size = operand->size ? operand_size(operand) : 8,
            .is_signed = operand->is_signed,
            .location = locate(maker, file, site, operand),
        };

        if (machine != OWN_MACHINE || value.location.kind == LOCATION_NONE ||
            (operand->is_float && operand->size < 4))
            value.size = 0;
        ret[i] = value;
    }
    usdt_arguments_free(&arguments);
}

/* ----------------------------------------------------------------------------- variants -- */

static bool same_value(const struct plan_value *a, const struct plan_value *b)
{
    const struct location *at = &a->location, *other = &b->location;

    return a->kind == b->kind && a->size == b->size && a->is_signed == b->is_signed &&
           at->kind == other->kind && at->base == other->base && at->index == other->index &&
           at->scale == other->scale && at->shift == other->shift &&
           at->relative == other->relative && at->number == other->number;
}

static bool same_values(const struct plan_value *a, const struct plan_value *b)
{
    for (size_t i = 0; i < USDT_MOST_ARGUMENTS; i++)
        if (!same_value(&a[i], &b[i]))
            return false;
    return true;
}

static struct plan_variant *find_variant(struct plan *plan, size_t probe,
                                         const struct plan_value *values)
{
    struct plan_variant *variant;

    for (size_t i = plan->variant_count; i-- > 0 && plan->variants[i].probe == probe;)
        if (same_values(plan->variants[i].values, values))
            return &plan->variants[i];
    plan->variants = room_for_one(plan->variants, plan->variant_count, sizeof(*plan->variants));
    variant = &plan->variants[plan->variant_count++];
    *variant = (struct plan_variant){.probe = probe};
    memcpy(variant->values, values, sizeof(variant->values));
    return variant;
}

void variant_add_site(struct variant_maker *maker, size_t probe, size_t file,
                      const struct usdt_probe *site)
{
    struct plan_value values[USDT_MOST_ARGUMENTS] = {{0}};
    struct plan_variant *variant;

    read_values(maker, file, site, values);
    variant = find_variant(maker->plan, probe, values);
    variant->sites = room_for_one(variant->sites, variant->site_count, sizeof(*variant->sites));
    variant->sites[variant->site_count++] =
        (struct plan_site){site, file, site->site, site->semaphore};
    maker->plan->site_count++;
}

void variant_maker_free(struct variant_maker *maker)
{
    for (size_t i = 0; i < maker->file_count; i++)
        usdt_symbols_free(maker->symbols[i]);
    free(maker->symbols);
}
