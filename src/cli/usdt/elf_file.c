/* SPDX-License-Identifier: MIT */
#include "cli/usdt/elf_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "error.h"

/*
 * The most that are read: no file needs more. libelf would allocate memory for all sections that a
 * file claims to have; a header can only claim more than this by saying so in the first section.
 */
#define MOST_SECTIONS 0xffff
#define MOST_SEGMENTS 256

int elf_fail(const char *name)
{
    int error = elf_errno();

    return rst_fail(EBADMSG, "%s: a broken ELF file: %s", name,
                    error ? elf_errmsg(error) : "it is cut short");
}

uint64_t elf_number(bool big_endian, const char *at, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++)
        value = value << 8 | (unsigned char)at[big_endian ? i : size - 1 - i];
    return value;
}

int elf_file_section(struct elf_file *file, const char *name, Elf_Scn *section, Elf_Data **ret)
{
    GElf_Shdr header;

    if (!gelf_getshdr(section, &header))
        return elf_fail(name);
    if (header.sh_size > file->left) /* sections don't overlap, so a valid file has less */
        return rst_fail(EBADMSG,
                        "%s: a broken ELF file: its sections are larger than it is, or than 1 GiB, "
                        "the most for all files",
                        name);
    file->left -= header.sh_size;
    *ret = elf_getdata(section, NULL);
    return *ret ? 0 : elf_fail(name);
}

static int read_segments(struct elf_file *file, const char *name, uint64_t size)
{
    size_t count;
    GElf_Phdr header;

    if (elf_getphdrnum(file->elf, &count) != 0)
        return elf_fail(name);
    for (size_t i = 0; i < count; i++) {
        if (!gelf_getphdr(file->elf, (int)i, &header))
            return elf_fail(name);
        file->has_interpreter |= header.p_type == PT_INTERP;
        if (header.p_type != PT_LOAD || header.p_offset >= size)
            continue;
        if (header.p_filesz > size - header.p_offset) /* no offset is beyond the file */
            header.p_filesz = size - header.p_offset;
        APPEND(file->loads, file->load_count,
               (struct elf_load){header.p_vaddr, header.p_offset, header.p_filesz});
    }
    return 0;
}

bool elf_file_offset(const struct elf_file *file, uint64_t address, uint64_t *ret)
{
    for (size_t i = 0; i < file->load_count; i++) {
        const struct elf_load *load = &file->loads[i];

        if (address >= load->address && address - load->address < load->size) {
            *ret = load->offset + (address - load->address);
            return true;
        }
    }
    return false;
}

/* Refuse more sections and segments than these. All other errors are left to libelf. */
static int check_counts(int fd, const char *name)
{
    /* Where headers say how many there are. */
    static const struct {
        size_t header_size, sections_at, segments, sections; /* the file's header */
        size_t section_size, size, word;                     /* a section's header */
    } layouts[] = {
        {sizeof(Elf32_Ehdr), 32, 44, 48, sizeof(Elf32_Shdr), 20, 4},
        {sizeof(Elf64_Ehdr), 40, 56, 60, sizeof(Elf64_Shdr), 32, 8},
    };
    char header[sizeof(Elf64_Ehdr)] = "", first[sizeof(Elf64_Shdr)];
    ssize_t size = pread(fd, header, sizeof(header), 0);
    bool wide = header[EI_CLASS] == ELFCLASS64, big_endian = header[EI_DATA] == ELFDATA2MSB;
    uint64_t at = elf_number(big_endian, header + layouts[wide].sections_at, layouts[wide].word);

    if (size < (ssize_t)layouts[wide].header_size)
        return 0;
    if (elf_number(big_endian, header + layouts[wide].segments, 2) > MOST_SEGMENTS)
        return rst_fail(EBADMSG, "%s: an ELF file with too many segments", name);
    if (at > 0 && at <= INT64_MAX &&
        elf_number(big_endian, header + layouts[wide].sections, 2) == 0 &&
        pread(fd, first, sizeof(first), (off_t)at) >= (ssize_t)layouts[wide].section_size &&
        elf_number(big_endian, first + layouts[wide].size, layouts[wide].word) > MOST_SECTIONS)
        return rst_fail(EBADMSG, "%s: an ELF file with too many sections", name);
    return 0;
}

/* Check a file before libelf sees it. Gives 0 or a negative errno. */
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
    return check_counts(fd, name);
}

static int read_headers(struct elf_file *file, const char *name, uint64_t size)
{
    GElf_Ehdr header;

    if (elf_kind(file->elf) != ELF_K_ELF || !gelf_getehdr(file->elf, &header))
        return elf_fail(name);
    if (header.e_type == ET_REL)
        return rst_fail(ENOEXEC,
                        "%s: an object file, whose probes have no addresses yet; look at the "
                        "program that it is linked into",
                        name);
    file->type = header.e_type;
    file->machine = header.e_machine;
    file->big_endian = header.e_ident[EI_DATA] == ELFDATA2MSB;
    file->address_size = header.e_ident[EI_CLASS] == ELFCLASS32 ? 4 : 8;
    return read_segments(file, name, size);
}

int elf_file_read(int fd, const char *name, uint64_t most_bytes, struct elf_file *ret)
{
    struct elf_file file = {0};
    uint64_t size = 0;
    int error = check_file(fd, name, &size);

    if (error < 0)
        return error;
    file.left = size < most_bytes ? size : most_bytes;
    elf_version(EV_CURRENT);
    file.elf = elf_begin(fd, ELF_C_READ, NULL);
    error = file.elf ? read_headers(&file, name, size) : elf_fail(name);
    if (error < 0) {
        elf_file_free(&file);
        return error;
    }
    *ret = file;
    return 0;
}

void elf_file_free(struct elf_file *file)
{
    free(file->loads);
    elf_end(file->elf);
}

/* -------------------------------------------------------------------------------- symbols -- */

#define MOST_SYMBOL_BYTES ((uint64_t)1 << 30) /* of a table and its names */
#define MOST_NAME 4096                        /* longer names are left out */

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
static bool read_symbols(struct usdt_symbols *symbols, uint32_t type)
{
    struct elf_file *file = &symbols->file;
    Elf_Scn *section = NULL, *names;
    Elf_Data *data = NULL;
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

    if (elf_file_read(fd, "", MOST_SYMBOL_BYTES, &symbols->file) < 0) {
        free(symbols);
        return NULL;
    }
    if (!read_symbols(symbols, SHT_SYMTAB))
        read_symbols(symbols, SHT_DYNSYM);
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
