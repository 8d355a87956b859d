/* SPDX-License-Identifier: MIT */
/*
 * Reads DWARF with libdw. The addresses of all units are read once and sorted, because a file need
 * not have .debug_aranges (clang writes none); the lines of a unit are read when an address in it
 * is first asked for. What a file can make rst keep is limited.
 *
 * The file may name another one, with parts that several files share (dwz writes it). It is opened
 * here, because libdw would open whatever the name leads to.
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
#include "cli/base/file.h"
#include "cli/base/text.h"
#include "cli/trace/show/addresses.h"
#include "cli/usdt/elf_file.h"

#define DEBUG_FILES "/usr/lib/debug/"
#define MOST_BYTES (128 << 20) /* of all sections with debugging information */
#define MOST_UNITS 100000
#define MOST_RANGES (1 << 20)
#define MOST_UNIT_LINES (2 << 20) /* bytes of a unit's lines */
#define MOST_LINES (16 << 20)     /* of those of all units that were read */

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
    Elf *elf;
    Dwarf *dwarf;
    Elf_Scn *lines;
};

struct lines {
    struct dwarf_file file, shared;
    int shared_fd;
    struct unit *units;
    size_t unit_count;
    struct range *ranges;
    size_t range_count;
    uint64_t left;    /* of MOST_LINES */
    struct text path; /* of the source found last */
};

/* ----------------------------------------------------------------------------- open -- */

int lines_open(const void *build_id, size_t size, const char *name)
{
    const unsigned char *id = build_id;
    struct text path = {0};
    struct stat about;
    int fd = -1;

    if (size > 1 && size <= 64) {
        text_addf(&path, DEBUG_FILES ".build-id/%02x/", id[0]);
        for (size_t i = 1; i < size; i++)
            text_addf(&path, "%02x", id[i]);
        text_add(&path, ".debug");
        fd = file_open(path.bytes, &about);
        free(path.bytes);
    }
    if (fd < 0 && name && strncmp(name, DEBUG_FILES, strlen(DEBUG_FILES)) == 0 &&
        !strstr(name, "/../"))
        fd = file_open(name, &about);
    return fd < 0 ? -1 : fd;
}

/* The next section with debugging information, and its name without ".debug_"; NULL: the last. */
static Elf_Scn *next_section(Elf *elf, Elf_Scn *section, GElf_Shdr *header, const char **name)
{
    size_t names;

    if (elf_getshdrstrndx(elf, &names) != 0)
        return NULL;
    while ((section = elf_nextscn(elf, section))) {
        *name = gelf_getshdr(section, header) ? elf_strptr(elf, names, header->sh_name) : NULL;
        if (!*name || header->sh_type == SHT_NOBITS || strncmp(*name, ".debug_", 7) != 0)
            continue;
        *name += 7;
        break;
    }
    return section;
}

/* The size of the debugging information, uncompressed; 0: there is none that can be read. */
static uint64_t measure(struct dwarf_file *file, uint64_t file_size)
{
    uint64_t total = 0;
    const char *name;
    GElf_Shdr header;
    GElf_Chdr compressed;

    for (Elf_Scn *section = NULL; (section = next_section(file->elf, section, &header, &name));) {
        if (header.sh_size > file_size)
            return 0;
        if (header.sh_flags & SHF_COMPRESSED)
            header.sh_size =
                gelf_getchdr(section, &compressed) ? compressed.ch_size : MOST_BYTES + 1;
        if (header.sh_size > MOST_BYTES)
            return 0;
        total += header.sh_size;
        if (strcmp(name, "line") == 0)
            file->lines = section;
    }
    return file->lines ? total : 0;
}

/* Whether the sections of strings end with a NUL. libdw 0.188 does not always look for their end.
 */
static bool strings_end(Elf *elf)
{
    const char *name;
    GElf_Shdr header;

    for (Elf_Scn *section = NULL; (section = next_section(elf, section, &header, &name));) {
        const Elf_Data *data = elf_rawdata(section, NULL);

        if ((strcmp(name, "str") == 0 || strcmp(name, "line_str") == 0) && data && data->d_buf &&
            data->d_size > 0 && ((const char *)data->d_buf)[data->d_size - 1] != '\0')
            return false;
    }
    return true;
}

static bool open_dwarf(int fd, struct dwarf_file *ret)
{
    uint64_t size;

    elf_version(EV_CURRENT);
    if (fd < 0 || elf_file_check(fd, "", &size) < 0)
        return false;
    ret->elf = elf_begin(fd, ELF_C_READ, NULL);
    size = ret->elf ? measure(ret, size) : 0;
    if (size > 0 && size <= MOST_BYTES)
        ret->dwarf = dwarf_begin_elf(ret->elf, DWARF_C_READ, NULL);
    return ret->dwarf && strings_end(ret->elf);
}

/* Open the file with shared parts. Gives true if there is none, too. */
static bool open_shared(struct lines *lines)
{
    const char *name;
    const void *id;
    ssize_t size = dwelf_dwarf_gnu_debugaltlink(lines->file.dwarf, &name, &id);

    if (size <= 0)
        return size == 0;
    lines->shared_fd = lines_open(id, (size_t)size, name);
    if (!open_dwarf(lines->shared_fd, &lines->shared))
        return false;
    dwarf_setalt(lines->file.dwarf, lines->shared.dwarf);
    return true;
}

static void read_unit(struct lines *lines, Dwarf_Die *die)
{
    size_t before = lines->range_count;
    Dwarf_Addr base, low, high;
    ptrdiff_t at = 0;

    while (lines->range_count < MOST_RANGES &&
           (at = dwarf_ranges(die, at, &base, &low, &high)) > 0) {
        if (low == 0 || low >= high) /* at 0 is what the linker has dropped */
            continue;
        lines->ranges = room_for_one(lines->ranges, lines->range_count, sizeof(*lines->ranges));
        lines->ranges[lines->range_count++] = (struct range){low, high, lines->unit_count};
    }
    if (lines->range_count == before)
        return;
    lines->units = room_for_one(lines->units, lines->unit_count, sizeof(*lines->units));
    lines->units[lines->unit_count++] = (struct unit){.offset = dwarf_dieoffset(die)};
}

struct lines *lines_new(int fd)
{
    struct lines *lines = sure(calloc(1, sizeof(*lines)));
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    uint8_t kind;

    *lines = (struct lines){.shared_fd = -1, .left = MOST_LINES};
    if (open_dwarf(fd, &lines->file) && open_shared(lines))
        for (size_t i = 0; i < MOST_UNITS && dwarf_get_units(lines->file.dwarf, unit, &unit, NULL,
                                                             &kind, &die, NULL) == 0;
             i++)
            if (kind == DW_UT_compile || kind == DW_UT_skeleton)
                read_unit(lines, &die);
    if (lines->range_count == 0) {
        lines_free(lines);
        return NULL;
    }
    qsort(lines->ranges, lines->range_count, sizeof(*lines->ranges), addresses_compare);
    return lines;
}

void lines_free(struct lines *lines)
{
    if (!lines)
        return;
    dwarf_end(lines->file.dwarf);
    dwarf_end(lines->shared.dwarf);
    elf_end(lines->file.elf);
    elf_end(lines->shared.elf);
    if (lines->shared_fd >= 0)
        close(lines->shared_fd);
    free(lines->units);
    free(lines->ranges);
    free(lines->path.bytes);
    free(lines);
}

/* ----------------------------------------------------------------------------- find -- */

/* How many bytes the unit's lines take; 0: they have no valid place. */
static uint64_t lines_size(const struct lines *lines, Dwarf_Die *unit)
{
    const Elf_Data *data = elf_rawdata(lines->file.lines, NULL); /* libdw has uncompressed it */
    const char *ident = elf_getident(lines->file.elf, NULL), *bytes;
    Dwarf_Attribute attribute;
    Dwarf_Word at;
    uint64_t size;

    if (!data || !data->d_buf || !dwarf_attr(unit, DW_AT_stmt_list, &attribute) ||
        dwarf_formudata(&attribute, &at) != 0 || at > data->d_size || data->d_size - at < 12)
        return 0;
    bytes = (const char *)data->d_buf + at;
    size = elf_number(ident[EI_DATA] == ELFDATA2MSB, bytes, 4);
    return size == UINT32_MAX ? elf_number(ident[EI_DATA] == ELFDATA2MSB, bytes + 4, 8) : size;
}

/* Whether the unit's lines are few enough. */
static bool may_read(struct lines *lines, struct unit *unit, Dwarf_Die *die)
{
    uint64_t size = unit->read ? 0 : lines_size(lines, die);

    if (!unit->read && (size == 0 || size > MOST_UNIT_LINES || size > lines->left))
        return false;
    lines->left -= size;
    unit->read = true;
    return true;
}

/* Ranges may overlap. */
static const struct range *find_range(const struct lines *lines, uint64_t address)
{
    size_t end = ADDRESSES_COUNT(lines->ranges, lines->range_count, address);

    for (size_t i = end; i > 0 && end - i < 8; i--)
        if (address < lines->ranges[i - 1].high)
            return &lines->ranges[i - 1];
    return NULL;
}

/* The path of a source; a relative one counts from the directory in which it was compiled. */
static const char *full_path(struct lines *lines, Dwarf_Die *unit, const char *file)
{
    Dwarf_Attribute attribute;
    const char *directory = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));

    text_clear(&lines->path);
    if (*file != '/' && directory)
        text_addf(&lines->path, "%s/", directory);
    text_add(&lines->path, file);
    return lines->path.bytes;
}

bool lines_find(struct lines *lines, uint64_t address, const char **ret_file, int *ret_line)
{
    const struct range *range = find_range(lines, address);
    struct unit *unit = range ? &lines->units[range->unit] : NULL;
    const char *file;
    Dwarf_Line *line;
    Dwarf_Die die;
    int number;

    if (!unit || !dwarf_offdie(lines->file.dwarf, unit->offset, &die) ||
        !may_read(lines, unit, &die))
        return false;
    line = dwarf_getsrc_die(&die, address);
    file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
    if (!file || dwarf_lineno(line, &number) != 0 || number <= 0)
        return false;
    *ret_file = full_path(lines, &die, file);
    *ret_line = number;
    return true;
}
