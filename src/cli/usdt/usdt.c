/* SPDX-License-Identifier: MIT */
#include "cli/usdt/usdt.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/command.h"
#include "cli/base/text.h"
#include "cli/usdt/elf_file.h"
#include "error.h"
#include "image/note.h"

/* A file while it is read. */
struct reader {
    struct elf_file file;
    const char *name;
    size_t names; /* the index of the section with the sections' names */
    bool has_base;
    uint64_t base;                           /* the address of .stapsdt.base */
    const char *signatures, *signatures_end; /* those of the next probes; NULL: there are none */
    struct usdt_file usdt;
};

static uint64_t number(const struct reader *reader, const char *at, size_t size)
{
    return elf_number(reader->file.big_endian, at, size);
}

/* The string at `*at`, which moves past the NUL; NULL if there is no NUL before `end`. */
static const char *string(const char **at, const char *end)
{
    const char *text = *at, *nul = memchr(text, '\0', (size_t)(end - text));

    if (nul)
        *at = nul + 1;
    return nul ? text : NULL;
}

/* ----------------------------------------------------------------------------- notes -- */

/* Take the description of a note. Gives false if it is invalid. */
typedef bool take_note(struct reader *reader, const char *at, const char *end);

static bool take_signatures(struct reader *reader, const char *at, const char *end)
{
    if (reader->signatures)
        return false; /* an image has one such note */
    reader->signatures = at;
    reader->signatures_end = end;
    return true;
}

static bool take_probe(struct reader *reader, const char *at, const char *end)
{
    const struct elf_file *file = &reader->file;
    const size_t size = file->address_size;
    uint64_t site, base, semaphore, moved;
    struct usdt_probe probe = {0};

    if (reader->signatures)
        probe.signature = string(&reader->signatures, reader->signatures_end);
    if ((size_t)(end - at) < 3 * size)
        return false;
    site = number(reader, at, size);
    base = number(reader, at + size, size);
    semaphore = number(reader, at + 2 * size, size);
    at += 3 * size;
    probe.provider = string(&at, end);
    probe.name = probe.provider ? string(&at, end) : NULL;
    probe.operands = probe.name ? string(&at, end) : NULL;
    if (!probe.operands || !*probe.provider || !*probe.name)
        return false;
    /* A tool like prelink changes a file's addresses and .stapsdt.base, but not the notes. */
    moved = reader->has_base && base != 0 ? reader->base - base : 0;
    if (!elf_file_offset(file, site + moved, &probe.site) ||
        (semaphore != 0 && !elf_file_offset(file, semaphore + moved, &probe.semaphore)))
        return false;
    APPEND(reader->usdt.probes, reader->usdt.count, probe);
    return true;
}

/* -------------------------------------------------------------------------- sections -- */

struct pass {
    const char *section, *owner;
    uint32_t type;
    take_note *take;
};

static int read_notes(struct reader *reader, Elf_Scn *section, const struct pass *pass)
{
    size_t at = 0, next, name, description, size = strlen(pass->owner) + 1;
    Elf_Data *data;
    GElf_Nhdr note;
    int error = elf_file_section(&reader->file, reader->name, section, &data);

    if (error < 0)
        return error;
    for (; (next = gelf_getnote(data, at, &note, &name, &description)) > 0; at = next) {
        const char *bytes = data->d_buf, *taken = bytes + description;

        if (note.n_type == pass->type && note.n_namesz == size &&
            memcmp(bytes + name, pass->owner, size) == 0 &&
            !pass->take(reader, taken, taken + note.n_descsz))
            reader->usdt.damaged++;
    }
    reader->usdt.damaged += at < data->d_size; /* the next note is longer than the rest */
    return 0;
}

static int read_sections(struct reader *reader, const struct pass *pass)
{
    Elf *elf = reader->file.elf;
    Elf_Scn *section = NULL;
    GElf_Shdr header;
    int error = 0;

    while (error == 0 && (section = elf_nextscn(elf, section))) {
        const char *name;

        if (!gelf_getshdr(section, &header))
            return elf_fail(reader->name);
        name = elf_strptr(elf, reader->names, header.sh_name);
        if (name && strcmp(name, ".stapsdt.base") == 0) {
            reader->has_base = true;
            reader->base = header.sh_addr;
        }
        /* files of debug information have SHT_NOBITS */
        if (name && header.sh_type == SHT_NOTE && strcmp(name, pass->section) == 0)
            error = read_notes(reader, section, pass);
    }
    return error;
}

static int read_file(struct reader *reader)
{
    static const struct pass signatures = {".note.librst", "rst", RST_NOTE_SIGNATURES_TYPE,
                                           take_signatures};
    static const struct pass probes = {".note.stapsdt", "stapsdt", RST_NOTE_STAPSDT_TYPE,
                                       take_probe};
    Elf *elf = reader->file.elf;
    Elf_Data *names;
    int error;

    if (elf_getshdrstrndx(elf, &reader->names) != 0)
        return elf_fail(reader->name);
    if (reader->names == SHN_UNDEF) /* no sections, or none with a name */
        return 0;
    error = elf_file_section(&reader->file, reader->name, elf_getscn(elf, reader->names), &names);
    if (error == 0)
        error = read_sections(reader, &signatures);
    if (error == 0)
        error = read_sections(reader, &probes);
    if (reader->usdt.damaged == 0) /* else some signatures may be of the notes that were skipped */
        reader->usdt.damaged += reader->signatures != reader->signatures_end;
    return error;
}

/* ------------------------------------------------------------------------------ all -- */

/*
 * How many bytes of notes are kept at a time, of all files. A million of librst's probes take a
 * tenth of that. The limit is for sparse files, which claim sizes that they don't use.
 */
#define MOST_BYTES ((uint64_t)1 << 30)

#define SECTION_BYTES 320 /* of libelf for each section of a file */

static uint64_t kept_bytes;

static const struct rst_arch *arch_of(const struct elf_file *file)
{
    for (size_t i = 0; rst_arches[i]; i++)
        if (rst_arches[i]->machine == file->machine &&
            rst_arches[i]->is_64_bit == (file->address_size == 8) &&
            rst_arches[i]->is_big_endian == file->big_endian)
            return rst_arches[i];
    return NULL;
}

int usdt_read(int fd, const char *name, struct usdt_file *ret)
{
    struct reader reader = {.name = name};
    uint64_t room;
    size_t sections;
    int error = elf_file_read(fd, name, kept_bytes < MOST_BYTES ? MOST_BYTES - kept_bytes : 0,
                              &reader.file);

    if (error < 0)
        return error;
    room = reader.file.left;
    error = read_file(&reader);
    if (error == 0 && reader.usdt.count > 0) {
        reader.usdt.elf = reader.file.elf; /* has the strings */
        reader.usdt.kept = room - reader.file.left;
        if (elf_getshdrnum(reader.file.elf, &sections) == 0)
            reader.usdt.kept += sections * SECTION_BYTES;
        kept_bytes += reader.usdt.kept;
        reader.file.elf = NULL;
    }
    reader.usdt.machine = reader.file.machine;
    reader.usdt.arch = arch_of(&reader.file);
    reader.usdt.kind = USDT_LIBRARY;
    if (reader.signatures)
        reader.usdt.kind = USDT_IMAGE;
    else if (reader.file.type == ET_EXEC || reader.file.has_interpreter)
        reader.usdt.kind = USDT_EXECUTABLE;
    elf_file_free(&reader.file);
    if (error < 0)
        free(reader.usdt.probes);
    else
        *ret = reader.usdt;
    return error;
}

void usdt_free(struct usdt_file *file)
{
    elf_end(file->elf);
    kept_bytes -= file->kept;
    free(file->probes);
    *file = (struct usdt_file){0};
}

bool usdt_same_name(const struct usdt_probe *a, const struct usdt_probe *b)
{
    return strcmp(a->provider, b->provider) == 0 && strcmp(a->name, b->name) == 0;
}

/* ------------------------------------------------------------------------ arguments -- */

/*
 * Take the arguments' names and types from the short form, "Qid,spath", if the operands are what
 * librst writes for the types.
 */
static void put_names(struct usdt_arguments *arguments, const char *signature)
{
    struct rst_short_argument words[RST_MAX_ARGS];
    size_t count = 0;
    int found;

    while (count < RST_MAX_ARGS && (found = rst_signature_next(&signature, &words[count])) != 0) {
        if (found < 0 || count == arguments->count ||
            !operand_has_type(&arguments->list[count].operand, words[count].type))
            return;
        count++;
    }
    if (*signature || count != arguments->count)
        return;
    for (size_t i = 0; i < count; i++) {
        struct usdt_argument *argument = &arguments->list[i];

        argument->true_type = words[i].type;
        argument->type = rst_types[words[i].type].name;
        if (words[i].name_length) {
            argument->name = words[i].name;
            argument->name_length = words[i].name_length;
        }
    }
}

void usdt_arguments(uint16_t machine, const struct usdt_probe *probe, struct usdt_arguments *ret)
{
    const char *at = probe->operands;
    struct operand operand;

    ret->count = 0;
    ret->more = false;
    while (operand_next(&at, machine, &operand)) {
        if (ret->count == USDT_MOST_ARGUMENTS) {
            ret->more = true;
            break;
        }
        ret->list[ret->count++] = (struct usdt_argument){
            .operand = operand, .type = operand_type(&operand), .true_type = -1};
    }
    if (probe->signature && !ret->more)
        put_names(ret, probe->signature);
}
