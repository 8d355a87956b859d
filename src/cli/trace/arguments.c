/* SPDX-License-Identifier: MIT */
/*
 * A probe's arguments: the type of each, and how bpftrace reads it.
 *
 * A probe that a compiler has inlined has several sites, each with its own operands: the same
 * argument may be the 8 bytes of a register at one site, 4 bytes of memory at another, a constant
 * at a third. bpftrace reads argN by the operand of the site that was hit, and gives its value in
 * 64 bits, whatever its size and sign. So one type can stand for all sites if it can hold all
 * values: the widest of theirs, or int64 for a uint32 and an int32. No type holds a uint64 and a
 * signed number.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/number.h"
#include "cli/trace/trace.h"

#define LAST_OF_BCC 24 /* the last version that uses bcc's parser for operands */

/* ------------------------------------------------------------------------------- types -- */

static enum trace_kind kind_of(const struct usdt_argument *argument)
{
    if (argument->operand.is_float)
        return argument->operand.size == 4 ? TRACE_FLOAT : TRACE_DOUBLE;
    switch (argument->true_type) {
    case RST_TYPE_BOOL:
        return TRACE_BOOL;
    case RST_TYPE_FLOAT:
        return TRACE_FLOAT;
    case RST_TYPE_DOUBLE:
        return TRACE_DOUBLE;
    case RST_TYPE_POINTER:
        return TRACE_POINTER;
    case RST_TYPE_STRING:
        return TRACE_STRING;
    default:
        return TRACE_INTEGER;
    }
}

static void read_first(struct trace_probe *probe)
{
    usdt_arguments(probe->source->file->machine, probe->site, &probe->words);
    for (size_t i = 0; i < probe->words.count; i++) {
        const struct usdt_argument *site = &probe->words.list[i];
        struct trace_argument *argument = &probe->arguments[i];
        struct text name = {0};

        if (site->name)
            text_add_bytes(&name, site->name, site->name_length);
        else
            text_addf(&name, "arg%zu", i);
        *argument = (struct trace_argument){
            .name = name.bytes,
            .named = site->name,
            .kind = kind_of(site),
            .size = operand_size(&site->operand) ? operand_size(&site->operand) : 8,
            .is_signed = site->operand.is_signed,
            .index = i,
            .site = *site,
        };
        argument->widest = argument->size;
    }
    probe->argument_count = probe->words.count;
}

/* ------------------------------------------------------------------------------- sites -- */

/* The operands of all sites, summed up. */
struct sites {
    struct {
        size_t count;
        bool differ; /* in size, sign or kind of number */
        bool has_float;
        bool unread_by_bcc; /* at one site or more */
        uint8_t widest_signed, widest_unsigned, widest_constant, widest;
    } arguments[USDT_MOST_ARGUMENTS];
};

/*
 * How many bytes a constant needs to be the same number signed and unsigned; 0 if it is negative,
 * or not a constant.
 */
static uint8_t constant_size(const struct operand *operand)
{
    char digits[24] = "", *end;
    unsigned long long value;

    if (operand->kind != OPERAND_CONSTANT || operand->length - 1 >= sizeof(digits) ||
        operand->length < 2)
        return 0;
    memcpy(digits, operand->text + 1, operand->length - 1);
    if (!is_decimal(digits, strlen(digits)) || *digits == '-')
        return 0;
    value = strtoull(digits, &end, 10);
    return value <= INT8_MAX    ? 1
           : value <= INT16_MAX ? 2
           : value <= INT32_MAX ? 4
           : value <= INT64_MAX ? 8
                                : 0;
}

/* Whether an operand of x86_64 is "x(%rip)", "4+x(%rip)", or only a symbol. */
static bool is_at_symbol(const struct operand *operand)
{
    const char *open = memchr(operand->text, '(', operand->length);
    size_t before = open ? (size_t)(open - operand->text) : 0;

    if (operand->kind != OPERAND_MEMORY)
        return operand->kind == OPERAND_OTHER;
    return open && ((before > 0 && !is_decimal(operand->text, before)) ||
                    memmem(open, operand->length - before, "%rip", 4));
}

/* Old versions of bcc can't read an index register, and read "x(%rip)" from a wrong address. */
static bool bcc_reads(const struct operand *operand)
{
    const char *open = memchr(operand->text, '(', operand->length);

    return !operand->is_float && !is_at_symbol(operand) &&
           !(open && memchr(open, ',', operand->length - (size_t)(open - operand->text)));
}

static void widen(uint8_t *widest, uint8_t size)
{
    if (size > *widest)
        *widest = size;
}

static void add_operand(struct sites *sites, size_t i, struct trace_probe *probe,
                        const struct operand *operand)
{
    const struct trace_argument *argument = &probe->arguments[i];
    uint8_t constant = constant_size(operand),
            size = operand_size(operand) ? operand_size(operand) : 8;

    probe->has_floats |= operand->is_float;
    probe->has_symbols |= is_at_symbol(operand);
    probe->skipped_by_bcc |= operand->is_float || operand->kind == OPERAND_OTHER;
    sites->arguments[i].count++;
    sites->arguments[i].has_float |= operand->is_float;
    sites->arguments[i].unread_by_bcc |= !bcc_reads(operand);
    sites->arguments[i].differ |= size != argument->size ||
                                  operand->is_signed != argument->is_signed ||
                                  operand->is_float != argument->site.operand.is_float;
    widen(&sites->arguments[i].widest, size);
    if (constant)
        widen(&sites->arguments[i].widest_constant, constant);
    else if (operand->is_signed)
        widen(&sites->arguments[i].widest_signed, size);
    else
        widen(&sites->arguments[i].widest_unsigned, size);
}

static void look_at_sites(struct trace_probe *probe, struct sites *ret)
{
    *ret = (struct sites){0};
    for (size_t number = 0; number < probe->site_count; number++) {
        const struct usdt_probe *site = probe->sites[number];
        const char *at = site->operands;
        struct operand operand;

        probe->differs |= strcmp(site->operands, probe->site->operands) != 0;
        for (size_t i = 0;
             i < probe->argument_count && operand_next(&at, probe->source->file->machine, &operand);
             i++)
            add_operand(ret, i, probe, &operand);
    }
}

/* Choose one type for all sites; see the top of this file. */
static void unite(struct trace_argument *argument, const struct sites *sites, size_t site_count)
{
    size_t i = argument->index;
    uint8_t with = sites->arguments[i].widest_signed, without = sites->arguments[i].widest_unsigned;

    argument->widest = sites->arguments[i].widest;
    if (sites->arguments[i].count < site_count)
        argument->unreadable = true;
    if (!sites->arguments[i].differ)
        return;
    if (sites->arguments[i].has_float || (with > 0 && without == 8))
        argument->unreadable = true;
    argument->is_signed = with > 0;
    argument->size = with > without ? with : without;
    if (with > 0 && with <= without && without < 8)
        argument->size = 2 * without;
    widen(&argument->size, sites->arguments[i].widest_constant);
}

/* ------------------------------------------------------------------------------- places -- */

/* Whether argN is argument N. bcc skips operands that it can't read, and does not count them. */
static bool has_number(const struct trace_probe *probe, const struct sites *sites, size_t i,
                       const struct trace_bpftrace *bpftrace)
{
    if (probe->skipped_by_bcc || (i >= 6 && bpftrace->arguments_in_registers))
        return false;
    return bpftrace->version > LAST_OF_BCC || probe->source->file->machine != EM_X86_64 ||
           !sites->arguments[i].unread_by_bcc;
}

static void find_place(struct trace_probe *probe, const struct sites *sites, size_t i,
                       const struct trace_bpftrace *bpftrace)
{
    struct trace_argument *argument = &probe->arguments[i];

    if (argument->unreadable || has_number(probe, sites, i, bpftrace))
        return;
    if (probe->source->file->machine == EM_X86_64 && !probe->differs)
        argument->place = trace_place(&argument->site.operand);
    argument->unreadable = !argument->place;
}

void trace_read_arguments(struct trace_probe *probe, const struct trace_bpftrace *bpftrace)
{
    struct sites sites;

    read_first(probe);
    look_at_sites(probe, &sites);
    for (size_t i = 0; i < probe->argument_count; i++) {
        unite(&probe->arguments[i], &sites, probe->site_count);
        find_place(probe, &sites, i, bpftrace);
    }
}

const struct trace_argument *trace_argument_named(const struct trace_probe *probe, const char *name,
                                                  size_t length)
{
    char other[32];

    for (size_t i = 0; i < probe->argument_count; i++) {
        const struct trace_argument *argument = &probe->arguments[i];

        snprintf(other, sizeof(other), "arg%zu", i);
        if ((strlen(argument->name) == length && strncmp(argument->name, name, length) == 0) ||
            (strlen(other) == length && strncmp(other, name, length) == 0))
            return argument;
    }
    return NULL;
}
