/* SPDX-License-Identifier: MIT */
/*
 * Reads DWARF with libdw. The addresses of each unit are read once and sorted, because a file need
 * not have .debug_aranges (clang writes none); the lines of a unit are read when an address in it
 * is first asked for. The file may name another one with parts that several files share (dwz writes
 * it). It is opened here, because libdw would open whatever the name leads to.
 */
#include "cli/trace/show/lines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/trace/show/debug_file.h"
#include "cli/usdt/elf_file.h"

#define MOST_BYTES (UINT64_C(256) << 20) /* of all sections with debugging information */
#define MOST_UNITS 100000
#define MOST_RANGES (1 << 20)
#define MOST_UNIT_LINES (2 << 20) /* bytes of a unit's lines */
#define MOST_ALL_LINES (16 << 20) /* of all units that were read */

struct range {
    uint64_t low, high;
    size_t unit;
};

struct unit {
    Dwarf_Off offset;
    bool read;
};

/* A file with DWARF. */
struct dwarf_file {
    int fd; /* -1: it is not ours */
    Elf *elf;
    Dwarf *dwarf;
    bool big_endian;
};

struct lines {
    struct dwarf_file file, shared;
    struct unit *units;
    size_t unit_count;
    struct range *ranges; /* sorted */
    size_t range_count;
    const unsigned char *bytes; /* .debug_line */
    size_t size, left;
};

/* ------------------------------------------------------------------------- sections -- */

static bool starts_with(const char *name, const char *start)
{
    return strncmp(name, start, strlen(start)) == 0;
}

/* The size of the debugging information when it is no longer compressed; 0: there is none. */
static uint64_t debugging_size(Elf *elf, uint64_t file_size)
{
    uint64_t total = 0;
    bool has_lines = false;
    size_t names;
    GElf_Shdr header;
    GElf_Chdr compressed;

    if (elf_getshdrstrndx(elf, &names) != 0)
        return 0;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        const char *name =
            gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;

        if (!name || header.sh_type == SHT_NOBITS || !starts_with(name, ".debug_"))
            continue;
        if (header.sh_size > file_size)
            return 0;
        if (!(header.sh_flags & SHF_COMPRESSED))
            total += header.sh_size;
        else if (!gelf_getchdr(section, &compressed) || compressed.ch_size > MOST_BYTES)
            return 0;
        else
            total += compressed.ch_size;
        has_lines |= strcmp(name, ".debug_line") == 0;
    }
    return has_lines ? total : 0;
}

/* Find the lines' section, which libdw has uncompressed. */
static void find_bytes(struct lines *lines)
{
    size_t names;
    GElf_Shdr header;

    if (elf_getshdrstrndx(lines->file.elf, &names) != 0)
        return;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(lines->file.elf, section));) {
        const char *name = gelf_getshdr(section, &header)
                               ? elf_strptr(lines->file.elf, names, header.sh_name)
                               : NULL;
        Elf_Data *data =
            name && strcmp(name, ".debug_line") == 0 ? elf_rawdata(section, NULL) : NULL;

        if (!data || !data->d_buf)
            continue;
        lines->bytes = data->d_buf;
        lines->size = data->d_size;
        return;
    }
}

/* ---------------------------------------------------------------------------- units -- */

static void add_range(struct lines *lines, uint64_t low, uint64_t high)
{
    if (low == 0 || low >= high) /* at 0 is what the linker has dropped */
        return;
    lines->ranges = room_for_one(lines->ranges, lines->range_count, sizeof(*lines->ranges));
    lines->ranges[lines->range_count++] = (struct range){low, high, lines->unit_count};
}

static void read_unit(struct lines *lines, Dwarf_Die *die)
{
    Dwarf_Addr base, low, high;
    size_t before = lines->range_count;
    ptrdiff_t at = 0;

    while (lines->range_count < MOST_RANGES && (at = dwarf_ranges(die, at, &base, &low, &high)) > 0)
        add_range(lines, low, high);
    if (lines->range_count == before)
        return;
    lines->units = room_for_one(lines->units, lines->unit_count, sizeof(*lines->units));
    lines->units[lines->unit_count++] = (struct unit){.offset = dwarf_dieoffset(die)};
}

static int compare_ranges(const void *left, const void *right)
{
    const struct range *a = left, *b = right;

    return (a->low > b->low) - (a->low < b->low);
}

static void read_units(struct lines *lines)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    uint8_t kind;

    for (size_t i = 0; i < MOST_UNITS && dwarf_get_units(lines->file.dwarf, unit, &unit, NULL,
                                                         &kind, &die, NULL) == 0;
         i++)
        if (kind == DW_UT_compile || kind == DW_UT_skeleton)
            read_unit(lines, &die);
    if (lines->range_count > 0)
        qsort(lines->ranges, lines->range_count, sizeof(*lines->ranges), compare_ranges);
}

static bool open_dwarf(int fd, struct dwarf_file *ret)
{
    uint64_t size, debugging;
    GElf_Ehdr header;

    elf_version(EV_CURRENT);
    if (fd < 0 || elf_file_check(fd, "", &size) < 0)
        return false;
    ret->elf = elf_begin(fd, ELF_C_READ, NULL);
    debugging = ret->elf ? debugging_size(ret->elf, size) : 0;
    if (debugging > 0 && debugging <= MOST_BYTES && gelf_getehdr(ret->elf, &header)) {
        ret->big_endian = header.e_ident[EI_DATA] == ELFDATA2MSB;
        ret->dwarf = dwarf_begin_elf(ret->elf, DWARF_C_READ, NULL);
    }
    return ret->dwarf != NULL;
}

static void close_dwarf(struct dwarf_file *file)
{
    if (file->dwarf)
        dwarf_end(file->dwarf);
    if (file->elf)
        elf_end(file->elf);
    if (file->fd >= 0)
        close(file->fd);
}

/* Open the file with shared parts, if there is one. */
static bool open_shared(struct lines *lines)
{
    const char *name;
    const void *id;
    ssize_t size = dwelf_dwarf_gnu_debugaltlink(lines->file.dwarf, &name, &id);

    if (size == 0)
        return true;
    if (size < 0)
        return false;
    lines->shared.fd = debug_file_open(id, (size_t)size);
    if (lines->shared.fd < 0)
        lines->shared.fd = debug_file_named(name);
    if (!open_dwarf(lines->shared.fd, &lines->shared))
        return false;
    dwarf_setalt(lines->file.dwarf, lines->shared.dwarf);
    return true;
}

struct lines *lines_new(int fd)
{
    struct lines *lines = sure(calloc(1, sizeof(*lines)));

    *lines = (struct lines){.file.fd = -1, .shared.fd = -1, .left = MOST_ALL_LINES};
    if (open_dwarf(fd, &lines->file) && open_shared(lines)) {
        find_bytes(lines);
        read_units(lines);
    }
    if (lines->range_count > 0)
        return lines;
    lines_free(lines);
    return NULL;
}

void lines_free(struct lines *lines)
{
    if (!lines)
        return;
    close_dwarf(&lines->file);
    close_dwarf(&lines->shared);
    free(lines->units);
    free(lines->ranges);
    free(lines);
}

/* ----------------------------------------------------------------------------- find -- */

/* How many bytes the unit's lines take; 0: they have no valid place. */
static uint64_t lines_size(const struct lines *lines, Dwarf_Die *unit)
{
    Dwarf_Attribute attribute;
    Dwarf_Word at;
    uint64_t size;

    if (!dwarf_attr(unit, DW_AT_stmt_list, &attribute) || dwarf_formudata(&attribute, &at) != 0 ||
        at > lines->size || lines->size - at < 12)
        return 0;
    size = elf_number(lines->file.big_endian, (const char *)lines->bytes + at, 4);
    if (size == 0xffffffff)
        size = elf_number(lines->file.big_endian, (const char *)lines->bytes + at + 4, 8);
    return size;
}

/* The last range that begins at the address or before; others may contain it, too. */
static const struct range *find_range(const struct lines *lines, uint64_t address)
{
    size_t low = 0, high = lines->range_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (lines->ranges[middle].low <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low, looked = 0; i > 0 && looked < 8; i--, looked++)
        if (address < lines->ranges[i - 1].high)
            return &lines->ranges[i - 1];
    return NULL;
}

/* Whether the unit's lines are few enough to be read; those that were read are. */
static bool may_read(struct lines *lines, struct unit *unit, Dwarf_Die *die)
{
    uint64_t size;

    if (unit->read)
        return true;
    size = lines_size(lines, die);
    if (size == 0 || size > MOST_UNIT_LINES || size > lines->left)
        return false;
    lines->left -= size;
    unit->read = true;
    return true;
}

bool lines_find(struct lines *lines, uint64_t address, const char **ret_file, int *ret_line)
{
    const struct range *range = find_range(lines, address);
    Dwarf_Line *line;
    Dwarf_Die die;
    const char *file;
    int number;

    if (!range || !dwarf_offdie(lines->file.dwarf, lines->units[range->unit].offset, &die) ||
        !may_read(lines, &lines->units[range->unit], &die))
        return false;
    line = dwarf_getsrc_die(&die, address);
    file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
    if (!file || dwarf_lineno(line, &number) != 0 || number <= 0)
        return false;
    *ret_file = file;
    *ret_line = number;
    return true;
}
