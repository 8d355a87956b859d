/* SPDX-License-Identifier: MIT */
#include "cli/usdt/elf_file.h"

#include <errno.h>
#include <gelf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "error.h"

/*
 * The most sections or segments that are read: no file needs more, and libelf would allocate memory
 * for all that a file claims to have. A header can only claim more by saying so in the first
 * section.
 */
#define MOST_SECTIONS 0xffff

/* A file being read. */
struct elf_reader {
    int fd;
    const char *name;
    Elf *elf;
    uint64_t size; /* of the file */
    uint64_t left; /* how many bytes of sections may still be kept */
    struct elf_file file;
};

static int broken(const struct elf_reader *reader, const char *what)
{
    return rst_fail(EBADMSG, "%s: a broken ELF file: %s", reader->name, what);
}

/* The same with libelf's message. */
static int elf_broken(const struct elf_reader *reader)
{
    int error = elf_errno();

    return broken(reader, error ? elf_errmsg(error) : "it is cut short");
}

uint64_t elf_number(bool big_endian, const char *at, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++)
        value = value << 8 | (unsigned char)at[big_endian ? i : size - 1 - i];
    return value;
}

/* Read a part of the file, which the caller knows to be inside it. A NUL is added at the end. */
static int read_bytes(const struct elf_reader *reader, uint64_t offset, uint64_t size, char **ret)
{
    char *bytes = malloc(size + 1);
    size_t at = 0;

    if (!bytes)
        return rst_fail(ENOMEM, "%s: no memory for %llu bytes of it", reader->name,
                        (unsigned long long)size);
    while (at < size) {
        ssize_t count = pread(reader->fd, bytes + at, size - at, (off_t)(offset + at));

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            free(bytes);
            return count < 0 ? rst_fail_errno(errno, "%s", reader->name)
                             : broken(reader, "it was cut while it was read");
        }
        at += (size_t)count;
    }
    bytes[size] = '\0';
    *ret = bytes;
    return 0;
}

static int read_section(struct elf_reader *reader, const GElf_Shdr *header, struct elf_section *ret)
{
    int error;

    if (header->sh_offset > reader->size || header->sh_size > reader->size - header->sh_offset)
        return broken(reader, "a section goes beyond its end");
    if (header->sh_size > reader->left) /* sections don't overlap, so a valid file has less */
        return broken(reader,
                      "its sections are larger than it is, or than 1 GiB, the most for all files");
    if (header->sh_flags & SHF_COMPRESSED)
        return broken(reader, "its notes are compressed");
    error = read_bytes(reader, header->sh_offset, header->sh_size, &ret->bytes);
    if (error == 0) {
        ret->size = header->sh_size;
        reader->left -= header->sh_size;
    }
    return error;
}

/* ------------------------------------------------------------------------- segments -- */

static int compare_loads(const void *left, const void *right)
{
    const struct elf_load *a = left, *b = right;

    return (a->address > b->address) - (a->address < b->address);
}

static int read_segments(struct elf_reader *reader)
{
    struct elf_file *file = &reader->file;
    size_t count;
    GElf_Phdr header;

    if (elf_getphdrnum(reader->elf, &count) != 0 || count > INT_MAX)
        return elf_broken(reader);
    for (size_t i = 0; i < count; i++) {
        if (!gelf_getphdr(reader->elf, (int)i, &header))
            return elf_broken(reader);
        if (header.p_type == PT_INTERP)
            file->has_interpreter = true;
        if (header.p_type != PT_LOAD || header.p_offset >= reader->size)
            continue;
        if (header.p_filesz > reader->size - header.p_offset) /* no offset is beyond the file */
            header.p_filesz = reader->size - header.p_offset;
        file->loads = room_for_one(file->loads, file->load_count, sizeof(*file->loads));
        file->loads[file->load_count++] =
            (struct elf_load){header.p_vaddr, header.p_offset, header.p_filesz};
    }
    if (file->load_count > 0)
        qsort(file->loads, file->load_count, sizeof(*file->loads), compare_loads);
    return 0;
}

bool elf_file_offset(const struct elf_file *file, uint64_t address, uint64_t *ret)
{
    size_t low = 0, high = file->load_count;

    while (low < high) { /* find the first segment that begins after it */
        size_t middle = low + (high - low) / 2;

        if (file->loads[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address - file->loads[low - 1].address >= file->loads[low - 1].size)
        return false;
    *ret = file->loads[low - 1].offset + (address - file->loads[low - 1].address);
    return true;
}

/* ------------------------------------------------------------------------- sections -- */

static bool is_named(const struct elf_section *names, const GElf_Shdr *header, const char *name)
{
    size_t size = strlen(name) + 1;

    return header->sh_name <= names->size && size <= names->size - header->sh_name &&
           memcmp(names->bytes + header->sh_name, name, size) == 0;
}

static int take_section(struct elf_reader *reader, const struct elf_section *names,
                        const GElf_Shdr *header)
{
    static const char *const wanted[] = {".note.stapsdt", ".note.librst"};
    struct elf_file *file = &reader->file;
    struct elf_section section;
    int error;

    if (is_named(names, header, ".stapsdt.base")) {
        file->has_base = true;
        file->base = header->sh_addr;
    }
    if (header->sh_type != SHT_NOTE) /* files of debug information have SHT_NOBITS */
        return 0;
    for (size_t i = 0; i < ELF_SECTION_NAMES; i++) {
        if (!is_named(names, header, wanted[i]))
            continue;
        error = read_section(reader, header, &section);
        if (error < 0)
            return error;
        file->notes[i] =
            room_for_one(file->notes[i], file->note_counts[i], sizeof(*file->notes[i]));
        file->notes[i][file->note_counts[i]++] = section;
    }
    return 0;
}

static int read_sections(struct elf_reader *reader)
{
    struct elf_section names = {0};
    Elf_Scn *section;
    size_t index;
    GElf_Shdr header;
    int error;

    if (elf_getshdrstrndx(reader->elf, &index) != 0)
        return elf_broken(reader);
    if (index == SHN_UNDEF) /* no sections, or none with a name */
        return 0;
    if (!gelf_getshdr(elf_getscn(reader->elf, index), &header))
        return elf_broken(reader);
    error = header.sh_type == SHT_NOBITS ? broken(reader, "its sections have no names")
                                         : read_section(reader, &header, &names);
    for (section = NULL; error == 0 && (section = elf_nextscn(reader->elf, section));)
        error = gelf_getshdr(section, &header) ? take_section(reader, &names, &header)
                                               : elf_broken(reader);
    free(names.bytes);
    return error;
}

/* ------------------------------------------------------------------------------ all -- */

static int read_header(struct elf_reader *reader)
{
    GElf_Ehdr header;

    if (elf_kind(reader->elf) != ELF_K_ELF || !gelf_getehdr(reader->elf, &header))
        return elf_broken(reader);
    reader->file.type = header.e_type;
    reader->file.machine = header.e_machine;
    reader->file.big_endian = header.e_ident[EI_DATA] == ELFDATA2MSB;
    reader->file.address_size = header.e_ident[EI_CLASS] == ELFCLASS32 ? 4 : 8;
    if (header.e_type == ET_REL)
        return rst_fail(ENOEXEC,
                        "%s: an object file, whose probes have no addresses yet; look at the "
                        "program that it is linked into",
                        reader->name);
    return 0;
}

static int check_file(int fd, const char *name, uint64_t *ret_size)
{
    struct stat about;
    char magic[SELFMAG];

    if (fstat(fd, &about) < 0)
        return rst_fail_errno(errno, "%s", name);
    if (!S_ISREG(about.st_mode))
        return rst_fail(ENOEXEC, "%s: not a regular file", name);
    if (pread(fd, magic, sizeof(magic), 0) != sizeof(magic) || memcmp(magic, ELFMAG, SELFMAG) != 0)
        return rst_fail(ENOEXEC, "%s: not an ELF file: name a program, a library or an image",
                        name);
    *ret_size = (uint64_t)about.st_size;
    return 0;
}

/* Where headers say how many sections and segments there are. */
static const struct {
    size_t sections_at, sections_size, segment_count, section_count; /* in the file's header */
    size_t size;                                                     /* in a section's */
    size_t header_size, section_size;
} layouts[] = {
    {32, 4, 44, 48, 20, sizeof(Elf32_Ehdr), sizeof(Elf32_Shdr)},
    {40, 8, 56, 60, 32, sizeof(Elf64_Ehdr), sizeof(Elf64_Shdr)},
};

/* Refuse more sections or segments than MOST_SECTIONS. All other errors are left to libelf. */
static int check_counts(const struct elf_reader *reader)
{
    char header[sizeof(Elf64_Ehdr)], first[sizeof(Elf64_Shdr)];
    bool wide, big_endian;
    uint64_t at;

    if (pread(reader->fd, header, EI_NIDENT, 0) != EI_NIDENT)
        return 0;
    wide = header[EI_CLASS] == ELFCLASS64;
    big_endian = header[EI_DATA] == ELFDATA2MSB;
    if (pread(reader->fd, header, layouts[wide].header_size, 0) !=
        (ssize_t)layouts[wide].header_size)
        return 0;
    if (elf_number(big_endian, header + layouts[wide].segment_count, 2) == PN_XNUM)
        return rst_fail(EBADMSG, "%s: an ELF file with too many segments", reader->name);
    at = elf_number(big_endian, header + layouts[wide].sections_at, layouts[wide].sections_size);
    if (at == 0 || at > reader->size ||
        elf_number(big_endian, header + layouts[wide].section_count, 2) != 0 ||
        pread(reader->fd, first, layouts[wide].section_size, (off_t)at) !=
            (ssize_t)layouts[wide].section_size)
        return 0;
    if (elf_number(big_endian, first + layouts[wide].size, layouts[wide].sections_size) >
        MOST_SECTIONS)
        return rst_fail(EBADMSG, "%s: an ELF file with too many sections", reader->name);
    return 0;
}

static void free_notes(struct elf_file *file)
{
    for (size_t i = 0; i < ELF_SECTION_NAMES; i++)
        for (size_t j = 0; j < file->note_counts[i]; j++)
            free(file->notes[i][j].bytes);
}

int elf_file_read(int fd, const char *name, uint64_t most_bytes, struct elf_file *ret)
{
    struct elf_reader reader = {.fd = fd, .name = name};
    int error = check_file(fd, name, &reader.size);

    if (error == 0)
        error = check_counts(&reader);
    if (error < 0)
        return error;
    reader.left = reader.size < most_bytes ? reader.size : most_bytes;
    elf_version(EV_CURRENT);
    reader.elf = elf_begin(fd, ELF_C_READ, NULL);
    if (!reader.elf)
        return elf_broken(&reader);
    error = read_header(&reader);
    if (error == 0)
        error = read_segments(&reader);
    if (error == 0)
        error = read_sections(&reader);
    elf_end(reader.elf);
    if (error < 0) {
        free_notes(&reader.file);
        elf_file_free(&reader.file);
        return error;
    }
    *ret = reader.file;
    return 0;
}

void elf_file_free(struct elf_file *file)
{
    free(file->loads);
    for (size_t i = 0; i < ELF_SECTION_NAMES; i++)
        free(file->notes[i]);
}
