/* SPDX-License-Identifier: MIT */
/*
 * A file that processes have mapped: the names of its functions, and file:line where it, or a file
 * in /usr/lib/debug, has debugging information (DWARF). It is read when it is first asked; the
 * lines of a unit, when an address in it is.
 *
 * libdw is given only what it reads without harm. The addresses of all units are read here, because
 * a file need not have .debug_aranges (clang writes none).
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/file.h"
#include "cli/trace/show/names.h"
#include "cli/usdt/elf_file.h"

#define MOST_BYTES (128 << 20) /* of a file's symbols; of its DWARF, uncompressed */
#define MOST_UNITS 100000
#define MOST_RANGES (1 << 20) /* of all units */
#define MOST_LINES (12 << 20) /* bytes of the lines of all units */

struct file {
    int fd;
    struct elf_file elf;
    Dwarf *dwarf;
    const Elf_Data *lines; /* .debug_line */
};

struct module {
    bool read;
    struct file mapped, debug;
    struct ranges functions, code; /* by their names in `names`, and by numbers of units */
    const Elf_Data *names;
    Dwarf_Die *units;
    size_t unit_count;
    struct text function, path; /* the last ones found */
};

struct module *module_new(int fd)
{
    struct module *module = sure(calloc(1, sizeof(*module)));

    module->mapped.fd = fd;
    module->debug.fd = -1;
    return module;
}

static void close_file(struct file *file)
{
    dwarf_end(file->dwarf);
    elf_file_free(&file->elf);
    if (file->fd >= 0)
        close(file->fd);
}

void module_free(struct module *module)
{
    close_file(&module->mapped);
    close_file(&module->debug);
    free(module->functions.list);
    free(module->code.list);
    free(module->units);
    free(module->function.bytes);
    free(module->path.bytes);
    free(module);
}

static void add_symbol(struct module *module, const GElf_Sym *symbol)
{
    int type = GELF_ST_TYPE(symbol->st_info);
    const char *name = (const char *)module->names->d_buf + symbol->st_name;
    struct range range = {.start = symbol->st_value, .end = symbol->st_value + symbol->st_size};
    size_t flaws;

    if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol->st_shndx == SHN_UNDEF ||
        symbol->st_name >= module->names->d_size || !*name)
        return;
    /* Of several names for one address: a global one, with few "_" at its start, and short. */
    flaws = 256 * strspn(name, "_") + strlen(name);
    range.rank = flaws < 0xffff ? 0xffff - (uint32_t)flaws : 0;
    range.rank += GELF_ST_BIND(symbol->st_info) == STB_LOCAL ? 0 : 0x10000;
    range.item = symbol->st_name;
    ranges_add(&module->functions, range);
}

/* Whether strings end with a NUL. */
static bool have_end(const Elf_Data *strings)
{
    return strings->d_size > 0 && strings->d_buf &&
           ((const char *)strings->d_buf)[strings->d_size - 1] == '\0';
}

/* Read the tables of a type, if there are no functions yet. */
static void read_symbols(struct module *module, struct elf_file *file, uint32_t type)
{
    Elf_Data *symbols, *names;
    Elf_Scn *section = NULL;
    GElf_Shdr header;
    GElf_Sym symbol;

    while (module->functions.count == 0 && (section = elf_nextscn(file->elf, section))) {
        if (!gelf_getshdr(section, &header) || header.sh_type != type ||
            elf_file_section(file, "", section, &symbols) < 0 ||
            elf_file_section(file, "", elf_getscn(file->elf, header.sh_link), &names) < 0 ||
            !have_end(names))
            continue;
        module->names = names;
        for (int i = 1; gelf_getsym(symbols, i, &symbol); i++)
            add_symbol(module, &symbol);
    }
}

/*
 * Uncompress a section with debugging information. Gives whether libdw 0.188 may see it: it does
 * not always look for the end of strings, and uncompresses ".zdebug", an old form, to any size.
 */
static bool prepare_section(struct file *file, Elf_Scn *section, size_t names)
{
    GElf_Shdr header = {0};
    GElf_Chdr compressed;
    const char *name =
        gelf_getshdr(section, &header) ? elf_strptr(file->elf.elf, names, header.sh_name) : NULL;
    bool is_compressed = header.sh_flags & SHF_COMPRESSED;
    const Elf_Data *data;

    if (!name || header.sh_type == SHT_NOBITS || !strstr(name, "debug_"))
        return true;
    if (is_compressed && gelf_getchdr(section, &compressed) && compressed.ch_size > header.sh_size)
        header.sh_size = compressed.ch_size;
    if (name[1] == 'z' || header.sh_size > file->elf.left ||
        (is_compressed && elf_compress(section, 0, 0) < 0) || !(data = elf_rawdata(section, NULL)))
        return false;
    file->elf.left -= header.sh_size;
    if (strcmp(name, ".debug_line") == 0)
        file->lines = data;
    return strcmp(strrchr(name, '_'), "_str") != 0 || data->d_size == 0 || have_end(data);
}

/*
 * Open the file's debugging information. Gives whether it has any that may be read. One that needs
 * another file (dwz makes it) may not: libdw would open whatever the other one's name leads to.
 */
static bool open_dwarf(struct file *file)
{
    Elf_Scn *section = NULL;
    const char *other;
    const void *id;
    size_t names;

    if (!file->elf.elf || elf_getshdrstrndx(file->elf.elf, &names) != 0)
        return false;
    file->elf.left = MOST_BYTES;
    while ((section = elf_nextscn(file->elf.elf, section)))
        if (!prepare_section(file, section, names))
            return false;
    if (file->lines)
        file->dwarf = dwarf_begin_elf(file->elf.elf, DWARF_C_READ, NULL);
    return file->dwarf && dwelf_dwarf_gnu_debugaltlink(file->dwarf, &other, &id) == 0;
}

/* How many bytes the unit's lines take; UINT64_MAX: they have no valid place. */
static uint64_t lines_size(const struct file *file, Dwarf_Die *unit)
{
    Dwarf_Attribute attribute;
    const char *bytes;
    Dwarf_Word at;
    uint64_t size;

    if (!dwarf_attr(unit, DW_AT_stmt_list, &attribute) || dwarf_formudata(&attribute, &at) != 0 ||
        at > file->lines->d_size || file->lines->d_size - at < 12)
        return UINT64_MAX;
    bytes = (const char *)file->lines->d_buf + at;
    size = elf_number(file->elf.big_endian, bytes, 4);
    return size == UINT32_MAX ? elf_number(file->elf.big_endian, bytes + 4, 8) : size;
}

/* Read where the code of each unit is. Gives whether there is any. */
static bool read_units(struct module *module, struct file *file)
{
    uint64_t bytes = MOST_LINES;
    size_t ranges = MOST_RANGES;
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;

    if (!open_dwarf(file))
        return false;
    while (module->unit_count < MOST_UNITS &&
           dwarf_get_units(file->dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0) {
        uint32_t number = (uint32_t)module->unit_count;
        uint64_t size = lines_size(file, &die);
        Dwarf_Addr base, low, high;
        ptrdiff_t at = 0;

        if (size > bytes || (at = dwarf_ranges(&die, at, &base, &low, &high)) <= 0)
            continue;
        bytes -= size;
        APPEND(module->units, module->unit_count, die);
        for (; at > 0 && ranges > 0; ranges--) {
            if (low > 0 && low < high) /* at 0 is what the linker has dropped */
                ranges_add(&module->code, (struct range){low, high, number, number, 0});
            at = dwarf_ranges(&die, at, &base, &low, &high);
        }
    }
    ranges_sort(&module->code);
    return module->code.count > 0;
}

/* Open the file with debugging information that packages put below /usr/lib/debug. */
static int open_debug(Elf *elf)
{
    const void *id;
    ssize_t size = dwelf_elf_gnu_build_id(elf, &id);
    struct text path = {0};
    struct stat about;
    int fd;

    text_add(&path, "/usr/lib/debug/.build-id/");
    for (ssize_t i = 0; i < size && i < 64; i++)
        text_addf(&path, i == 0 ? "%02x/" : "%02x", ((const unsigned char *)id)[i]);
    text_add(&path, ".debug");
    fd = file_open(path.bytes, &about);
    free(path.bytes);
    return fd;
}

static void read_module(struct module *module)
{
    struct file *mapped = &module->mapped, *debug = &module->debug;

    if (elf_file_read(mapped->fd, "", MOST_BYTES, &mapped->elf) < 0)
        return;
    debug->fd = open_debug(mapped->elf.elf);
    read_symbols(module, &mapped->elf, SHT_SYMTAB);
    if (elf_file_read(debug->fd, "", MOST_BYTES, &debug->elf) == 0)
        read_symbols(module, &debug->elf, SHT_SYMTAB);
    read_symbols(module, &mapped->elf, SHT_DYNSYM);
    ranges_sort(&module->functions);
    if (!read_units(module, mapped))
        read_units(module, debug);
}

static void find_line(struct module *module, uint64_t address, struct frame *ret)
{
    const struct range *range = ranges_find(&module->code, address);
    Dwarf_Die *unit = range ? &module->units[range->item] : NULL;
    const char *file, *directory;
    Dwarf_Attribute attribute;
    Dwarf_Line *line;

    line = unit ? dwarf_getsrc_die(unit, address) : NULL;
    file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
    if (!file || dwarf_lineno(line, &ret->line) != 0 || ret->line <= 0)
        return;
    /* A relative path counts from the directory in which the source was compiled. */
    directory = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
    text_clear(&module->path);
    if (*file != '/' && directory)
        text_addf(&module->path, "%s/", directory);
    text_add(&module->path, file);
    ret->file = module->path.bytes;
}

void module_frame(struct module *module, uint64_t offset, struct frame *ret)
{
    const struct elf_file *elf = &module->mapped.elf;
    const struct range *function;
    size_t i = 0;

    if (!module->read)
        read_module(module);
    module->read = true;
    ret->offset = offset;
    while (i < elf->load_count && offset - elf->loads[i].offset >= elf->loads[i].size)
        i++;
    if (i == elf->load_count)
        return;
    ret->offset += elf->loads[i].address - elf->loads[i].offset;
    find_line(module, ret->offset, ret);
    function = ranges_find(&module->functions, ret->offset);
    if (!function)
        return;
    text_clear(&module->function);
    function_name(&module->function, (const char *)module->names->d_buf + function->item);
    ret->function = module->function.bytes;
    ret->offset -= function->start;
}
