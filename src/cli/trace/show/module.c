/* SPDX-License-Identifier: MIT */
/*
 * Reads the symbols of an ELF file, and finds the file with its debugging information by its build
 * id. Only the names of functions are kept.
 */
#include "cli/trace/show/module.h"

#include <elf.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/trace/show/addresses.h"
#include "cli/trace/show/function.h"
#include "cli/trace/show/lines.h"
#include "cli/usdt/elf_file.h"

#define MOST_SYMBOLS (8 << 20)
#define MOST_NAMES (UINT32_C(512) << 20) /* bytes */

struct symbol {
    uint64_t address;
    uint32_t size, name : 31; /* name: where it is in `names` */
    uint32_t open : 1;        /* it has no size, and ends before the next symbol */
};

struct load {
    uint64_t offset, address, size;
};

struct module {
    int fd, debug_fd;
    bool read, lines_sought;
    struct load *loads; /* executable segments */
    size_t load_count;
    struct symbol *symbols; /* sorted by address */
    size_t symbol_count;
    struct text names, function; /* function: the last one found */
    struct lines *lines;
};

struct module *module_new(int fd)
{
    struct module *module = sure(calloc(1, sizeof(*module)));

    module->fd = fd;
    module->debug_fd = -1;
    return module;
}

void module_free(struct module *module)
{
    lines_free(module->lines);
    free(module->loads);
    free(module->symbols);
    free(module->names.bytes);
    free(module->function.bytes);
    if (module->fd >= 0)
        close(module->fd);
    if (module->debug_fd >= 0)
        close(module->debug_fd);
    free(module);
}

/* -------------------------------------------------------------------------- symbols -- */

/* How far a symbol without a size may reach: to the end of its section. */
static uint64_t room_of(Elf *elf, const GElf_Sym *symbol)
{
    GElf_Shdr header;

    if (!gelf_getshdr(elf_getscn(elf, symbol->st_shndx), &header) ||
        symbol->st_value - header.sh_addr >= header.sh_size)
        return 0;
    return header.sh_addr + header.sh_size - symbol->st_value;
}

static void add_symbol(struct module *module, Elf *elf, const GElf_Sym *symbol, const char *name)
{
    uint64_t size = symbol->st_size ? symbol->st_size : room_of(elf, symbol);
    struct symbol *added;

    if (module->symbol_count >= MOST_SYMBOLS || module->names.size >= MOST_NAMES)
        return;
    module->symbols = room_for_one(module->symbols, module->symbol_count, sizeof(*added));
    added = &module->symbols[module->symbol_count++];
    *added = (struct symbol){
        .address = symbol->st_value,
        .size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size,
        .name = module->names.size & INT32_MAX,
        .open = symbol->st_size == 0,
    };
    /* In front of the name, for sorting: other files see a global or weak symbol. */
    text_add_bytes(&module->names, GELF_ST_BIND(symbol->st_info) == STB_LOCAL ? "l" : "g", 1);
    text_add_bytes(&module->names, name, strlen(name) + 1);
}

static void read_table(struct module *module, Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
                       uint64_t file_size)
{
    Elf_Data *data = header->sh_size <= file_size ? elf_getdata(section, NULL) : NULL;
    GElf_Sym symbol;

    for (int i = 1; data && gelf_getsym(data, i, &symbol); i++) {
        int type = GELF_ST_TYPE(symbol.st_info);
        const char *name;

        if ((type != STT_FUNC && type != STT_GNU_IFUNC &&
             !(type == STT_NOTYPE && symbol.st_size)) ||
            symbol.st_shndx == SHN_UNDEF)
            continue;
        name = elf_strptr(elf, header->sh_link, symbol.st_name);
        if (name && *name)
            add_symbol(module, elf, &symbol, name);
    }
}

/* Read the tables of a type. */
static void read_tables(struct module *module, Elf *elf, uint32_t type, uint64_t file_size)
{
    GElf_Shdr header;

    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));)
        if (gelf_getshdr(section, &header) && header.sh_type == type)
            read_table(module, elf, section, &header, file_size);
}

/* Of several names for one address: a global one, with few "_" at its start, and short. */
static int compare_names(const char *a, const char *b)
{
    size_t left = strspn(a + 1, "_"), right = strspn(b + 1, "_");

    if (*a != *b)
        return *a == 'g' ? -1 : 1;
    if (left != right)
        return left < right ? -1 : 1;
    left = strlen(a);
    right = strlen(b);
    return left != right ? (left < right ? -1 : 1) : strcmp(a, b);
}

static int compare_symbols(const void *left, const void *right, void *names)
{
    const struct symbol *a = left, *b = right;

    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    if (a->open != b->open)
        return a->open ? 1 : -1;
    return compare_names((char *)names + a->name, (char *)names + b->name);
}

/* Sort, and keep one symbol of each address. */
static void sort_symbols(struct module *module)
{
    size_t kept = 0;

    if (module->symbol_count == 0)
        return;
    qsort_r(module->symbols, module->symbol_count, sizeof(*module->symbols), compare_symbols,
            module->names.bytes);
    for (size_t i = 0; i < module->symbol_count; i++)
        if (kept == 0 || module->symbols[kept - 1].address != module->symbols[i].address)
            module->symbols[kept++] = module->symbols[i];
    module->symbol_count = kept;
}

/* The last one that has the address: a symbol inside a function may end before the function. */
static const struct symbol *find_symbol(const struct module *module, uint64_t address)
{
    size_t end = ADDRESSES_COUNT(module->symbols, module->symbol_count, address);

    for (size_t i = end; i > 0 && end - i < 8; i--) {
        const struct symbol *symbol = &module->symbols[i - 1];

        if (address - symbol->address < symbol->size && (!symbol->open || i == end))
            return symbol;
    }
    return NULL;
}

/* ------------------------------------------------------------------------------ all -- */

static void read_loads(struct module *module, Elf *elf)
{
    size_t count;
    GElf_Phdr header;

    if (elf_getphdrnum(elf, &count) != 0)
        return;
    for (size_t i = 0; i < count && gelf_getphdr(elf, (int)i, &header); i++) {
        if (header.p_type != PT_LOAD || !(header.p_flags & PF_X))
            continue;
        module->loads = room_for_one(module->loads, module->load_count, sizeof(*module->loads));
        module->loads[module->load_count++] =
            (struct load){header.p_offset, header.p_vaddr, header.p_filesz};
    }
}

/* Read the symbols of a file, and open the file with its debugging information. */
static void read_file(struct module *module, int fd, bool is_debug)
{
    const void *id;
    uint64_t size;
    ssize_t id_size;
    Elf *elf;

    elf_version(EV_CURRENT);
    if (fd < 0 || elf_file_check(fd, "", &size) < 0 || !(elf = elf_begin(fd, ELF_C_READ, NULL)))
        return;
    read_tables(module, elf, SHT_SYMTAB, size);
    if (!is_debug) {
        read_loads(module, elf);
        id_size = dwelf_elf_gnu_build_id(elf, &id);
        if (id_size > 0)
            module->debug_fd = lines_open(id, (size_t)id_size, NULL);
        if (module->symbol_count == 0)
            read_file(module, module->debug_fd, true);
        if (module->symbol_count == 0)
            read_tables(module, elf, SHT_DYNSYM, size);
    }
    elf_end(elf);
}

static void find_line(struct module *module, uint64_t address, struct frame *ret)
{
    if (!module->lines_sought) {
        module->lines = lines_new(module->fd);
        if (!module->lines)
            module->lines = lines_new(module->debug_fd);
    }
    module->lines_sought = true;
    if (module->lines)
        lines_find(module->lines, address, &ret->file, &ret->line);
}

void module_frame(struct module *module, uint64_t offset, bool call, struct frame *ret)
{
    const struct symbol *symbol;
    uint64_t address;
    size_t i = 0;

    if (!module->read) {
        module->read = true;
        read_file(module, module->fd, false);
        sort_symbols(module);
    }
    offset -= call;
    ret->offset = offset + call;
    while (i < module->load_count && offset - module->loads[i].offset >= module->loads[i].size)
        i++;
    if (i == module->load_count)
        return;
    address = offset - module->loads[i].offset + module->loads[i].address;
    ret->offset = address + call;
    symbol = find_symbol(module, address);
    if (symbol) {
        text_clear(&module->function);
        function_name(&module->function, module->names.bytes + symbol->name + 1);
        ret->function = module->function.bytes;
        ret->offset -= symbol->address;
    }
    find_line(module, address, ret);
}
