/* SPDX-License-Identifier: MIT */
#include "elf_maker.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE 64

static const char names[] =
    "\0.stapsdt.base\0.probes\0.text\0.note.stapsdt\0.note.librst\0.shstrtab";

static uint64_t name_of(const char *name)
{
    for (size_t at = 1; at < sizeof(names); at += strlen(names + at) + 1)
        if (strcmp(names + at, name) == 0)
            return at;
    abort();
}

void maker_put(struct maker_file *file, const struct maker_spec *spec, uint64_t at, uint64_t value,
               size_t size)
{
    for (size_t i = 0; i < size; i++) {
        size_t shift = 8 * (spec->is_big_endian ? size - 1 - i : i);

        file->bytes[at + i] = (uint8_t)(value >> shift);
    }
}

static void put(struct maker_file *file, const struct maker_spec *spec, uint64_t value, size_t size)
{
    if (file->size + size > MAKER_ROOM)
        abort();
    maker_put(file, spec, file->size, value, size);
    file->size += size;
}

static void put_bytes(struct maker_file *file, const char *bytes, size_t size)
{
    if (file->size + size > MAKER_ROOM)
        abort();
    memcpy(file->bytes + file->size, bytes, size);
    file->size += size;
}

static void pad(struct maker_file *file, size_t to)
{
    while (file->size % to != 0)
        file->size++;
}

static size_t address_size(const struct maker_spec *spec)
{
    return spec->is_32 ? 4 : 8;
}

static uint64_t site_of(const struct maker_file *file, const struct maker_spec *spec,
                        const struct maker_probe *probe)
{
    if (probe->site_address)
        return probe->site_address;
    return file->text + probe->site_offset + spec->bias - spec->moved;
}

static void put_stapsdt(struct maker_file *file, const struct maker_spec *spec, size_t index)
{
    const struct maker_probe *probe = &spec->probes[index];
    size_t size = 3 * address_size(spec) + strlen(probe->provider) + strlen(probe->name) +
                  strlen(probe->operands) + 3;
    uint64_t semaphore = file->probes + 2 * index + spec->bias - spec->moved;

    put(file, spec, 8, 4);
    put(file, spec, probe->descriptor ? probe->descriptor : size, 4);
    put(file, spec, 3, 4);
    put_bytes(file, "stapsdt", 8);
    put(file, spec, site_of(file, spec, probe), address_size(spec));
    put(file, spec, file->base + spec->bias - spec->moved, address_size(spec));
    put(file, spec, probe->has_semaphore ? semaphore : 0, address_size(spec));
    put_bytes(file, probe->provider, strlen(probe->provider) + 1);
    put_bytes(file, probe->name, strlen(probe->name) + 1);
    put_bytes(file, probe->operands, strlen(probe->operands) + 1);
    pad(file, 4);
}

/* One note, if a probe has a signature; a probe that has none has an empty one. */
static void put_librst(struct maker_file *file, const struct maker_spec *spec)
{
    bool has_some = false;
    size_t start;

    for (size_t i = 0; i < spec->count; i++)
        has_some |= spec->probes[i].signature != NULL;
    if (!has_some)
        return;
    put(file, spec, 4, 4);
    put(file, spec, 0, 4);
    put(file, spec, 2, 4);
    put_bytes(file, "rst", 4);
    start = file->size;
    for (size_t i = 0; i < spec->count; i++) {
        const char *signature = spec->probes[i].signature;

        put_bytes(file, signature ? signature : "", signature ? strlen(signature) + 1 : 1);
    }
    maker_put(file, spec, start - 12, file->size - start, 4);
    pad(file, 4);
}

static void put_section(struct maker_file *file, const struct maker_spec *spec, const char *name,
                        uint32_t type, uint64_t offset, uint64_t size)
{
    size_t word = address_size(spec);
    bool loaded = type == SHT_PROGBITS;

    put(file, spec, name ? name_of(name) : 0, 4);
    put(file, spec, type, 4);
    put(file, spec, loaded ? SHF_ALLOC : 0, word);
    put(file, spec, loaded ? offset + spec->bias : 0, word);
    put(file, spec, offset, word);
    put(file, spec, size, word);
    put(file, spec, 0, 4);
    put(file, spec, 0, 4);
    put(file, spec, name ? 1 : 0, word);
    put(file, spec, 0, word);
}

static void put_sections(struct maker_file *file, const struct maker_spec *spec, uint64_t ends[4])
{
    file->sections = file->size;
    put_section(file, spec, NULL, SHT_NULL, 0, 0);
    put_section(file, spec, ".stapsdt.base", SHT_PROGBITS, file->base, 1);
    put_section(file, spec, ".probes", SHT_PROGBITS, file->probes, 2 * spec->count);
    put_section(file, spec, ".text", SHT_PROGBITS, file->text, TEXT_SIZE);
    put_section(file, spec, ".note.stapsdt", SHT_NOTE, file->stapsdt, ends[0] - file->stapsdt);
    put_section(file, spec, ".note.librst", SHT_NOTE, file->librst, ends[1] - file->librst);
    put_section(file, spec, ".shstrtab", SHT_STRTAB, file->names, ends[2] - file->names);
}

static void put_headers(struct maker_file *file, const struct maker_spec *spec, uint64_t loaded)
{
    size_t word = address_size(spec), end = file->size;
    const char ident[EI_NIDENT] = {0x7f,
                                   'E',
                                   'L',
                                   'F',
                                   spec->is_32 ? ELFCLASS32 : ELFCLASS64,
                                   spec->is_big_endian ? ELFDATA2MSB : ELFDATA2LSB,
                                   EV_CURRENT};

    file->size = 0;
    put_bytes(file, ident, sizeof(ident));
    put(file, spec, spec->type, 2);
    put(file, spec, spec->machine, 2);
    put(file, spec, EV_CURRENT, 4);
    put(file, spec, 0, word);
    put(file, spec, spec->is_32 ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr), word);
    put(file, spec, file->sections, word);
    put(file, spec, 0, 4);
    put(file, spec, spec->is_32 ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr), 2);
    put(file, spec, spec->is_32 ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr), 2);
    put(file, spec, 1, 2);
    put(file, spec, spec->is_32 ? sizeof(Elf32_Shdr) : sizeof(Elf64_Shdr), 2);
    put(file, spec, 7, 2);
    put(file, spec, 6, 2);

    put(file, spec, PT_LOAD, 4);
    if (!spec->is_32)
        put(file, spec, PF_R | PF_X, 4);
    put(file, spec, 0, word);
    put(file, spec, spec->bias, word);
    put(file, spec, spec->bias, word);
    put(file, spec, loaded, word);
    put(file, spec, loaded, word);
    if (spec->is_32)
        put(file, spec, PF_R | PF_X, 4);
    put(file, spec, 4096, word);
    file->size = end;
}

void maker_make(const struct maker_spec *spec, struct maker_file *ret)
{
    uint64_t ends[4];

    memset(ret, 0, sizeof(*ret));
    ret->size = spec->is_32 ? sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr)
                            : sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
    ret->base = ret->size++;
    pad(ret, 16);
    ret->probes = ret->size;
    ret->size += 2 * spec->count;
    pad(ret, 16);
    ret->text = ret->size;
    ret->size += TEXT_SIZE;
    ret->stapsdt = ret->size;
    for (size_t i = 0; i < spec->count; i++)
        put_stapsdt(ret, spec, i);
    ends[0] = ret->librst = ret->size;
    ret->stapsdt_size = ret->librst - ret->stapsdt;
    put_librst(ret, spec);
    ends[1] = ret->names = ret->size;
    put_bytes(ret, names, sizeof(names));
    ends[2] = ret->size;
    pad(ret, 8);
    put_sections(ret, spec, ends);
    put_headers(ret, spec, ret->text + TEXT_SIZE);
}
