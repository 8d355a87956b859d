/* SPDX-License-Identifier: MIT */
/*
 * Rules for the dynamic section, the symbols, and the functions that they name.
 */
#include "image_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The dynamic linker and users of libelf look for these entries, by DT_ tag. */
static bool dynamic_entries_lead_to_their_sections(struct elf_image *image,
                                                   const struct expected_image *expected)
{
    static const struct {
        int64_t tag;
        const char *section;
        enum { ADDRESS, SIZE, ENTRY_SIZE } what;
    } wanted[] = {
        {DT_HASH, ".hash", ADDRESS},        {DT_STRTAB, ".dynstr", ADDRESS},
        {DT_SYMTAB, ".dynsym", ADDRESS},    {DT_STRSZ, ".dynstr", SIZE},
        {DT_SYMENT, ".dynsym", ENTRY_SIZE},
    };
    const size_t wanted_count = sizeof(wanted) / sizeof(wanted[0]);
    size_t dynamic = elf_image_section(image, ".dynamic"), found = 0;
    Elf_Data *data;
    GElf_Dyn entry;

    (void)expected;
    if (!dynamic)
        return false;
    data = elf_getdata(elf_getscn(image->elf, dynamic), NULL);
    for (int i = 0; gelf_getdyn(data, i, &entry); i++) {
        size_t row = 0;
        const GElf_Shdr *section;
        uint64_t value;

        if (entry.d_tag == DT_NULL)
            return found == wanted_count ||
                   elf_image_fault(image, "%zu of %zu dynamic entries", found, wanted_count);
        while (row < wanted_count && wanted[row].tag != entry.d_tag)
            row++;
        if (row == wanted_count)
            return elf_image_fault(image, "dynamic entry %d has tag %#jx", i,
                                   (uintmax_t)entry.d_tag);
        section = elf_image_header(image, wanted[row].section);
        if (!section)
            return false;
        value = wanted[row].what == ADDRESS ? section->sh_addr
                : wanted[row].what == SIZE  ? section->sh_size
                                            : section->sh_entsize;
        if (entry.d_un.d_val != value)
            return elf_image_fault(image, "dynamic entry %d (tag %#jx) is %#jx, should be %#jx", i,
                                   (uintmax_t)entry.d_tag, (uintmax_t)entry.d_un.d_val,
                                   (uintmax_t)value);
        found++;
    }
    return elf_image_fault(image, "no DT_NULL ends the dynamic section");
}

/* The ABI's hash function (System V ABI, figure 5-13). */
static uint32_t elf_hash_of(const char *name)
{
    uint32_t hash = 0, high;

    for (; *name; name++) {
        hash = (hash << 4) + (unsigned char)*name;
        high = hash & 0xf0000000;
        if (high)
            hash ^= high >> 24;
        hash &= ~high;
    }
    return hash;
}

/* .hash, and the symbols that it refers to. */
struct table {
    const struct elf_image *image;
    const uint8_t *words;
    size_t word; /* bytes */
    uint64_t buckets, chains;
    Elf_Data *symbols;
    size_t strings; /* the number of the section */
};

static uint64_t word(const struct table *table, uint64_t index)
{
    return elf_number(table->image, table->words + table->word * (size_t)index, table->word);
}

static bool open_table(struct elf_image *image, struct table *table)
{
    const GElf_Shdr *hash = elf_image_header(image, ".hash");
    size_t dynsym = elf_image_section(image, ".dynsym");

    table->strings = elf_image_section(image, ".dynstr");
    table->words = hash ? elf_image_at(image, hash->sh_offset, hash->sh_size) : NULL;
    table->image = image;
    table->word = hash ? (size_t)hash->sh_entsize : 0;
    if (!table->words || !dynsym || !table->strings)
        return false;
    if ((table->word != 4 && table->word != 8) || hash->sh_size < 2 * table->word)
        return elf_image_fault(image, ".hash has entries of %zu bytes", table->word);
    table->symbols = elf_getdata(elf_getscn(image->elf, dynsym), NULL);
    table->buckets = word(table, 0);
    table->chains = word(table, 1);
    return (table->symbols && table->buckets > 0 &&
            hash->sh_size == (2 + (uint64_t)table->buckets + table->chains) * table->word &&
            image->sections[dynsym].sh_entsize > 0 &&
            table->chains ==
                image->sections[dynsym].sh_size / image->sections[dynsym].sh_entsize) ||
           elf_image_fault(image, ".hash has %ju buckets, %ju chains, %ju bytes",
                           (uintmax_t)table->buckets, (uintmax_t)table->chains,
                           (uintmax_t)hash->sh_size);
}

/* The name of a symbol in a chain; NULL and a fault if there can't be one. */
static const char *name_in_chain(struct elf_image *image, const struct table *table,
                                 uint64_t number)
{
    const char *name = NULL;
    GElf_Sym symbol;

    if (number < table->chains && gelf_getsym(table->symbols, (int)number, &symbol))
        name = elf_strptr(image->elf, table->strings, symbol.st_name);
    if (!name)
        elf_image_fault(image, ".hash leads to symbol %ju", (uintmax_t)number);
    return name;
}

/*
 * Look a name up as the dynamic linker does. Gives the symbol's number; 0 if there is none; -1 and
 * a fault if the table is wrong.
 */
static int64_t look_up(struct elf_image *image, const char *name)
{
    struct table table;
    uint64_t at, steps = 0;

    if (!open_table(image, &table))
        return -1;
    at = word(&table, 2 + elf_hash_of(name) % table.buckets);
    for (; at != 0; at = word(&table, 2 + table.buckets + at)) {
        const char *found = name_in_chain(image, &table, at);

        if (!found || steps++ > table.chains)
            return -1;
        if (strcmp(found, name) == 0)
            return (int64_t)at;
    }
    return 0;
}

/* Each symbol is in exactly one chain, that of its name. */
static bool hash_table_has_each_symbol_once(struct elf_image *image,
                                            const struct expected_image *expected)
{
    struct table table;
    size_t steps = 0;

    if (!open_table(image, &table))
        return false;
    if (word(&table, 2 + table.buckets) != 0)
        return elf_image_fault(image, ".hash: the null symbol has a chain");
    for (uint64_t bucket = 0; bucket < table.buckets; bucket++)
        for (uint64_t at = word(&table, 2 + bucket); at != 0;
             at = word(&table, 2 + table.buckets + at)) {
            const char *name = name_in_chain(image, &table, at);

            if (!name)
                return false;
            if (steps++ == expected->count || elf_hash_of(name) % table.buckets != bucket)
                return elf_image_fault(image, ".hash has %s in bucket %ju", name,
                                       (uintmax_t)bucket);
        }
    return steps == expected->count ||
           elf_image_fault(image, ".hash has %zu of %zu symbols", steps, expected->count);
}

static void symbol_name(const struct expected_image *expected, size_t probe, char **ret)
{
    if (asprintf(ret, "%s__%s", expected->provider, expected->probes[probe].name) < 0)
        *ret = NULL;
}

/* Find the symbol of probe `index` by .hash. */
static bool looked_up_symbol(struct elf_image *image, const struct expected_image *expected,
                             size_t index, GElf_Sym *symbol)
{
    char *name;
    int64_t number;

    symbol_name(expected, index, &name);
    number = look_up(image, name);
    if (number == 0)
        elf_image_fault(image, ".hash does not find %.200s", name);
    free(name);
    return number > 0 &&
           gelf_getsym(
               elf_getdata(elf_getscn(image->elf, elf_image_section(image, ".dynsym")), NULL),
               (int)number, symbol);
}

/* Whether a symbol has the name of probe `index`. */
static bool is_named(struct elf_image *image, const struct expected_image *expected, size_t index,
                     const GElf_Sym *symbol)
{
    const char *name = elf_strptr(image->elf, elf_image_section(image, ".dynstr"), symbol->st_name);
    const size_t length = strlen(expected->provider);

    return name && strncmp(name, expected->provider, length) == 0 &&
           strncmp(name + length, "__", 2) == 0 &&
           strcmp(name + length + 2, expected->probes[index].name) == 0;
}

bool probe_symbol(struct elf_image *image, const struct expected_image *expected, size_t index,
                  GElf_Sym *symbol)
{
    const size_t dynsym = elf_image_section(image, ".dynsym");
    Elf_Data *symbols = dynsym ? elf_getdata(elf_getscn(image->elf, dynsym), NULL) : NULL;

    /* most often it is where it is expected, and need not be searched */
    return (symbols && gelf_getsym(symbols, (int)index + 1, symbol) &&
            is_named(image, expected, index, symbol)) ||
           looked_up_symbol(image, expected, index, symbol);
}

static bool hash_table_finds_every_symbol_and_no_other(struct elf_image *image,
                                                       const struct expected_image *expected)
{
    GElf_Sym symbol;
    char *absent;
    int64_t number;

    for (size_t i = 0; i < expected->count; i++)
        if (!looked_up_symbol(image, expected, i, &symbol))
            return false;
    if (asprintf(&absent, "%s__", expected->provider) < 0)
        return elf_image_fault(image, "no memory");
    number = look_up(image, absent);
    free(absent);
    return number == 0 || elf_image_fault(image, "symbol %jd has no probe's name", number);
}

/* Name 0 is "". Symbol 0 has that name, and is zero otherwise. */
static bool null_symbol_and_name_are_there(struct elf_image *image, size_t size)
{
    static const uint8_t zero[24];
    const GElf_Shdr *dynsym = elf_image_header(image, ".dynsym");
    const GElf_Shdr *dynstr = elf_image_header(image, ".dynstr");
    const uint8_t *symbol = dynsym ? elf_image_at(image, dynsym->sh_offset, size) : NULL;
    const uint8_t *name = dynstr ? elf_image_at(image, dynstr->sh_offset, 1) : NULL;

    if (!symbol || !name)
        return false;
    return (*name == '\0' && memcmp(symbol, zero, size) == 0) ||
           elf_image_fault(image, "the null symbol, or its name, is not zero");
}

/* bpftrace's user stacks name only functions that have a size. */
static bool each_probe_has_a_function_of_its_own(struct elf_image *image,
                                                 const struct expected_image *expected)
{
    size_t text = elf_image_section(image, ".text");
    const GElf_Shdr *dynsym = elf_image_header(image, ".dynsym");
    uint64_t end;

    if (!text || !dynsym)
        return false;
    if (dynsym->sh_size != (expected->count + 1) * expected->cpu->symbol || dynsym->sh_info != 1)
        return elf_image_fault(image, ".dynsym: %ju bytes, the first global is %u",
                               (uintmax_t)dynsym->sh_size, dynsym->sh_info);
    if (!null_symbol_and_name_are_there(image, expected->cpu->symbol))
        return false;
    end = image->sections[text].sh_addr;
    for (size_t i = 0; i < expected->count; i++) {
        GElf_Sym symbol;

        if (!probe_symbol(image, expected, i, &symbol))
            return false;
        if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC ||
            GELF_ST_BIND(symbol.st_info) != STB_GLOBAL || symbol.st_other != STV_DEFAULT ||
            symbol.st_shndx != text)
            return elf_image_fault(image, "symbol of probe %zu: info %#x, other %#x, section %u", i,
                                   symbol.st_info, symbol.st_other, symbol.st_shndx);
        if (symbol.st_size == 0 || symbol.st_value < end || symbol.st_value % 16 != 0)
            return elf_image_fault(image, "symbol of probe %zu: %#jx, %ju bytes", i,
                                   (uintmax_t)symbol.st_value, (uintmax_t)symbol.st_size);
        end = symbol.st_value + symbol.st_size;
    }
    return end <= image->sections[text].sh_addr + image->sections[text].sh_size ||
           elf_image_fault(image, "the last function ends at %#jx, after .text", (uintmax_t)end);
}

/*
 * The frame lets tracers find the caller by frame pointer, and a landing pad keeps control-flow
 * protection on. The site follows the prologue, and the epilogue follows the site. Each nop has an
 * offset of its own, modulo the distance of functions: a uprobe that the kernel has kept from one
 * of another length must not be found for it.
 */
static bool functions_are_a_frame_around_the_nop(struct elf_image *image,
                                                 const struct expected_image *expected)
{
    const struct expected_cpu *cpu = expected->cpu;
    const struct expected_bytes gap = expected_gap(expected);
    const size_t site = expected_site(expected);
    const size_t size = site + expected->nop.size + cpu->after.size;

    for (size_t i = 0; i < expected->count; i++) {
        GElf_Sym symbol;
        const uint8_t *code;

        if (!probe_symbol(image, expected, i, &symbol))
            return false;
        if (symbol.st_size != size)
            return elf_image_fault(image, "function %zu has %ju bytes, not %zu", i,
                                   (uintmax_t)symbol.st_size, size);
        code = elf_image_at(image, symbol.st_value, size);
        if (!code)
            return false;
        if (memcmp(code, cpu->before.at, cpu->before.size) != 0 ||
            memcmp(code + cpu->before.size, gap.at, gap.size) != 0 ||
            memcmp(code + site, expected->nop.at, expected->nop.size) != 0 ||
            memcmp(code + size - cpu->after.size, cpu->after.at, cpu->after.size) != 0)
            return elf_image_fault(image, "function %zu is not a frame around the nop", i);
    }
    return true;
}

/* A jump there by mistake should raise a signal. */
static bool between_functions_are_breakpoints(struct elf_image *image,
                                              const struct expected_image *expected)
{
    const GElf_Shdr *text = elf_image_header(image, ".text");
    const struct expected_bytes *between = &expected->cpu->between;
    uint64_t at, end;

    if (!text)
        return false;
    at = text->sh_addr;
    for (size_t i = 0; i <= expected->count; i++) {
        GElf_Sym symbol = {.st_value = text->sh_addr + text->sh_size};

        if (i < expected->count && !probe_symbol(image, expected, i, &symbol))
            return false;
        end = symbol.st_value;
        if (at <= end && (end - at) % between->size != 0)
            return elf_image_fault(image, "%#jx to %#jx is no row of breakpoints", (uintmax_t)at,
                                   (uintmax_t)end);
        for (; at < end; at += between->size)
            if (!elf_image_at(image, at, between->size) ||
                memcmp(image->bytes + at, between->at, between->size) != 0)
                return elf_image_fault(image, "%#jx, between two functions, is not a breakpoint",
                                       (uintmax_t)at);
        at = end + symbol.st_size;
    }
    return true;
}

const struct rule symbol_rules[] = {
    /* clang-format off */
    RULE(dynamic_entries_lead_to_their_sections),
    RULE(hash_table_has_each_symbol_once),
    RULE(hash_table_finds_every_symbol_and_no_other),
    RULE(each_probe_has_a_function_of_its_own),
    RULE(functions_are_a_frame_around_the_nop),
    RULE(between_functions_are_breakpoints),
    {NULL, NULL},
    /* clang-format on */
};
