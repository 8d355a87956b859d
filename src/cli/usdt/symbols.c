/* SPDX-License-Identifier: MIT */
#include "cli/usdt/symbols.h"

#include <stdlib.h>
#include <string.h>

#include "cli/base/command.h"
#include "cli/usdt/elf_file.h"

#define MOST_BYTES ((uint64_t)1 << 30) /* of a table and its names */
#define MOST_NAME 4096                 /* longer names are left out */

struct symbol {
    const char *name;
    uint64_t address;
};

struct usdt_symbols {
    struct elf_file file; /* holds the names */
    struct symbol *list;  /* sorted by name */
    size_t count;
};

static int compare_symbols(const void *left, const void *right)
{
    const struct symbol *a = left, *b = right;

    return strcmp(a->name, b->name);
}

/* Read a table of symbols and the section with their names. Gives false if there is none. */
static bool read_table(struct usdt_symbols *symbols, uint32_t type)
{
    struct elf_file *file = &symbols->file;
    Elf_Scn *section = NULL, *names;
    Elf_Data *data;
    GElf_Shdr header;
    GElf_Sym symbol;

    do
        section = elf_nextscn(file->elf, section);
    while (section && (!gelf_getshdr(section, &header) || header.sh_type != type));
    names = section ? elf_getscn(file->elf, header.sh_link) : NULL;
    if (!names || elf_file_section(file, "", names, &data) < 0 ||
        elf_file_section(file, "", section, &data) < 0)
        return false;
    for (int i = 0; gelf_getsym(data, i, &symbol); i++) {
        const char *name = elf_strptr(file->elf, header.sh_link, symbol.st_name);

        if (name && *name && strnlen(name, MOST_NAME) < MOST_NAME && symbol.st_shndx != SHN_UNDEF &&
            symbol.st_shndx < SHN_LORESERVE && GELF_ST_TYPE(symbol.st_info) != STT_TLS &&
            GELF_ST_TYPE(symbol.st_info) != STT_FILE)
            APPEND(symbols->list, symbols->count, (struct symbol){name, symbol.st_value});
    }
    if (symbols->count > 0)
        qsort(symbols->list, symbols->count, sizeof(*symbols->list), compare_symbols);
    return true;
}

struct usdt_symbols *usdt_symbols_read(int fd)
{
    struct usdt_symbols *symbols = sure(calloc(1, sizeof(*symbols)));

    if (elf_file_read(fd, "", MOST_BYTES, &symbols->file) < 0) {
        free(symbols);
        return NULL;
    }
    if (!read_table(symbols, SHT_SYMTAB))
        read_table(symbols, SHT_DYNSYM);
    return symbols;
}

void usdt_symbols_free(struct usdt_symbols *symbols)
{
    if (!symbols)
        return;
    elf_file_free(&symbols->file);
    free(symbols->list);
    free(symbols);
}

/* The first symbol of that name; NULL if there is none, or if the others have other addresses. */
static const struct symbol *find(const struct usdt_symbols *symbols, const char *name,
                                 size_t length)
{
    const struct symbol *found = NULL;
    size_t low = 0, high = symbols->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strncmp(symbols->list[middle].name, name, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < symbols->count && strncmp(symbols->list[low].name, name, length) == 0; low++) {
        if (symbols->list[low].name[length] != '\0')
            break; /* a longer name, which is sorted behind */
        if (found && found->address != symbols->list[low].address)
            return NULL;
        found = &symbols->list[low];
    }
    return found;
}

bool usdt_symbols_distance(const struct usdt_symbols *symbols, const char *name, size_t length,
                           uint64_t offset, int64_t *ret)
{
    const struct symbol *symbol = symbols ? find(symbols, name, length) : NULL;

    for (size_t i = 0; symbol && i < symbols->file.load_count; i++) {
        const struct elf_load *load = &symbols->file.loads[i];

        if (offset < load->offset || offset - load->offset >= load->size)
            continue;
        *ret = (int64_t)(symbol->address - (load->address + (offset - load->offset)));
        return true;
    }
    return false;
}
