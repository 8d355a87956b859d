/* SPDX-License-Identifier: MIT */
#include "cli/usdt/usdt.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/command.h"
#include "cli/usdt/elf_file.h"
#include "image/note.h"

/* Walks the notes of a section. */
struct note_cursor {
    const struct elf_file *file;
    const char *at, *end;
};

struct note {
    uint32_t type;
    const char *name, *description;
    size_t name_size, description_size;
};

static uint64_t number(const struct elf_file *file, const char *at, size_t size)
{
    return elf_number(file->big_endian, at, size);
}

enum outcome { TAKEN, DAMAGED, ENDED };

/* Gives DAMAGED if the note is longer than the rest of the section, so that no more can be read. */
static enum outcome next_note(struct note_cursor *cursor, struct note *ret)
{
    uint64_t left = (uint64_t)(cursor->end - cursor->at), name_size, size, whole;

    if (left == 0)
        return ENDED;
    if (left < 3 * sizeof(uint32_t))
        return DAMAGED;
    name_size = number(cursor->file, cursor->at, 4);
    size = number(cursor->file, cursor->at + 4, 4);
    whole = 3 * sizeof(uint32_t) + rst_align(name_size, 4) + size; /* sizes have 32 bits */
    if (whole > left)
        return DAMAGED;
    *ret = (struct note){
        .type = (uint32_t)number(cursor->file, cursor->at + 8, 4),
        .name = cursor->at + 12,
        .name_size = name_size,
        .description = cursor->at + 12 + rst_align(name_size, 4),
        .description_size = size,
    };
    whole = rst_align(whole, 4);
    cursor->at += whole < left ? whole : left; /* the last note may lack its padding */
    return TAKEN;
}

static bool is_note(const struct note *note, const char *name, uint32_t type)
{
    size_t size = strlen(name) + 1;

    return note->type == type && note->name_size == size && memcmp(note->name, name, size) == 0;
}

/* The string at `*at`, which moves past the NUL; NULL if there is no NUL before `end`. */
static const char *string(const char **at, const char *end)
{
    const char *text = *at, *nul = memchr(text, '\0', (size_t)(end - text));

    if (nul)
        *at = nul + 1;
    return nul ? text : NULL;
}

/* -------------------------------------------------------------------------- stapsdt -- */

/* Read a probe, and the address in its note, by which its .note.librst is found. */
static bool read_probe(const struct elf_file *file, const struct note *note, struct usdt_probe *ret,
                       uint64_t *ret_address)
{
    size_t size = file->address_size;
    const char *at = note->description, *end = at + note->description_size;
    uint64_t site, base, semaphore, moved;
    struct usdt_probe probe = {0};

    if (note->description_size < 3 * size)
        return false;
    *ret_address = site = number(file, at, size);
    base = number(file, at + size, size);
    semaphore = number(file, at + 2 * size, size);
    at += 3 * size;
    probe.provider = string(&at, end);
    probe.name = probe.provider ? string(&at, end) : NULL;
    probe.operands = probe.name ? string(&at, end) : NULL;
    if (!probe.operands || !*probe.provider || !*probe.name)
        return false;
    /* A tool like prelink changes a file's addresses and .stapsdt.base, but not the notes. */
    moved = file->has_base && base != 0 ? file->base - base : 0;
    if (!elf_file_offset(file, site + moved, &probe.site))
        return false;
    if (semaphore != 0 && !elf_file_offset(file, semaphore + moved, &probe.semaphore))
        return false;
    *ret = probe;
    return true;
}

/* ------------------------------------------------------------------- librst's own note -- */

struct signature {
    uint64_t address;
    const char *text;
};

struct signatures {
    struct signature *list;
    size_t count;
};

static int compare_signatures(const void *left, const void *right)
{
    const struct signature *a = left, *b = right;

    return (a->address > b->address) - (a->address < b->address);
}

static bool read_signature(const struct elf_file *file, const struct note *note,
                           struct signature *ret)
{
    const char *at = note->description, *end = at + note->description_size;

    if (note->description_size < sizeof(uint32_t))
        return false;
    ret->address = number(file, at, sizeof(uint32_t));
    at += sizeof(uint32_t);
    ret->text = string(&at, end);
    return ret->text != NULL;
}

static const char *find_signature(const struct signatures *signatures, uint64_t address)
{
    const struct signature wanted = {.address = address};
    const struct signature *found = signatures->count
                                        ? bsearch(&wanted, signatures->list, signatures->count,
                                                  sizeof(wanted), compare_signatures)
                                        : NULL;

    return found ? found->text : NULL;
}

/* ------------------------------------------------------------------------------ all -- */

/*
 * How many bytes of notes are kept at a time, of all files. A million of librst's probes take a
 * tenth of that. The limit is for sparse files, which claim sizes that they don't use.
 */
#define MOST_BYTES ((uint64_t)1 << 30)

static uint64_t kept_bytes;

/* Keep the section's bytes, into which the probes point. */
static void keep(struct usdt_file *usdt, const struct elf_section *section)
{
    usdt->storage = room_for_one(usdt->storage, usdt->storage_count, sizeof(*usdt->storage));
    usdt->storage[usdt->storage_count++] = section->bytes;
    usdt->storage_size += section->size;
    kept_bytes += section->size;
}

static void drop_storage(struct usdt_file *usdt)
{
    for (size_t i = 0; i < usdt->storage_count; i++)
        free(usdt->storage[i]);
    free(usdt->storage);
    kept_bytes -= usdt->storage_size;
    usdt->storage = NULL;
    usdt->storage_count = usdt->storage_size = 0;
}

static void read_signatures(const struct elf_file *file, const struct elf_section *section,
                            struct usdt_file *usdt, struct signatures *signatures)
{
    struct note_cursor cursor = {file, section->bytes, section->bytes + section->size};
    struct signature signature;
    enum outcome outcome;
    struct note note;

    keep(usdt, section);
    while ((outcome = next_note(&cursor, &note)) == TAKEN) {
        if (!is_note(&note, "rst", RST_NOTE_SIGNATURE_TYPE))
            continue;
        if (!read_signature(file, &note, &signature)) {
            usdt->damaged++;
            continue;
        }
        signatures->list =
            room_for_one(signatures->list, signatures->count, sizeof(*signatures->list));
        signatures->list[signatures->count++] = signature;
    }
    usdt->damaged += outcome == DAMAGED;
}

static void read_probes(const struct elf_file *file, const struct elf_section *section,
                        struct usdt_file *usdt, const struct signatures *signatures)
{
    struct note_cursor cursor = {file, section->bytes, section->bytes + section->size};
    struct usdt_probe probe;
    enum outcome outcome;
    struct note note;
    uint64_t address;

    keep(usdt, section);
    while ((outcome = next_note(&cursor, &note)) == TAKEN) {
        if (!is_note(&note, "stapsdt", RST_NOTE_STAPSDT_TYPE))
            continue;
        if (!read_probe(file, &note, &probe, &address)) {
            usdt->damaged++;
            continue;
        }
        probe.signature = find_signature(signatures, address);
        usdt->probes = room_for_one(usdt->probes, usdt->count, sizeof(*usdt->probes));
        usdt->probes[usdt->count++] = probe;
    }
    usdt->damaged += outcome == DAMAGED;
}

static enum usdt_kind kind_of(const struct elf_file *file, bool by_librst)
{
    if (by_librst)
        return USDT_IMAGE;
    return file->type == ET_EXEC || file->has_interpreter ? USDT_EXECUTABLE : USDT_LIBRARY;
}

int usdt_read(int fd, const char *name, struct usdt_file *ret)
{
    struct signatures signatures = {0};
    struct usdt_file usdt = {0};
    struct elf_file file;
    int error = elf_file_read(fd, name, MOST_BYTES - kept_bytes, &file);

    if (error < 0)
        return error;
    for (size_t i = 0; i < file.note_counts[ELF_LIBRST]; i++)
        read_signatures(&file, &file.notes[ELF_LIBRST][i], &usdt, &signatures);
    if (signatures.count > 0)
        qsort(signatures.list, signatures.count, sizeof(*signatures.list), compare_signatures);
    for (size_t i = 0; i < file.note_counts[ELF_STAPSDT]; i++)
        read_probes(&file, &file.notes[ELF_STAPSDT][i], &usdt, &signatures);
    usdt.machine = file.machine;
    usdt.kind = kind_of(&file, signatures.count > 0);
    free(signatures.list);
    elf_file_free(&file);
    if (usdt.count == 0)
        drop_storage(&usdt);
    *ret = usdt;
    return 0;
}

void usdt_free(struct usdt_file *file)
{
    drop_storage(file);
    free(file->probes);
    *file = (struct usdt_file){0};
}

/* ------------------------------------------------------------------------ arguments -- */

/* Whether an operand is what librst writes for the type: "-4@" for int32. */
static bool agrees(const struct operand *operand, enum rst_type type)
{
    const char *prefix = rst_types[type].prefix;
    bool is_signed = prefix[0] == '-';

    return operand->size == prefix[is_signed] - '0' && operand->is_signed == is_signed &&
           !operand->is_float;
}

static bool all_agree(const struct usdt_arguments *arguments, const struct rst_signature *signature)
{
    if (arguments->count != signature->count)
        return false;
    for (size_t i = 0; i < signature->count; i++)
        if (!agrees(&arguments->list[i].operand, signature->types[i]))
            return false;
    return true;
}

/* Take the arguments' names from the plain form: "uint64 id, string path". */
static void put_names(struct usdt_arguments *arguments, const struct rst_signature *signature)
{
    const char *at = signature->text;

    for (size_t i = 0; i < signature->count; i++) {
        struct usdt_argument *argument = &arguments->list[i];
        size_t length = strcspn(at, ","), type = strcspn(at, " ,");

        argument->true_type = signature->types[i];
        argument->type = rst_types[argument->true_type].name;
        if (type < length) {
            argument->name = at + type + 1;
            argument->name_length = length - type - 1;
        }
        at += length;
        at += strspn(at, ", ");
    }
}

void usdt_arguments(uint16_t machine, const struct usdt_probe *probe, struct usdt_arguments *ret)
{
    const char *at = probe->operands;
    struct rst_signature signature;
    struct operand operand;

    ret->count = 0;
    ret->more = false;
    ret->storage = NULL;
    while (operand_next(&at, machine, &operand)) {
        if (ret->count == USDT_MOST_ARGUMENTS) {
            ret->more = true;
            break;
        }
        ret->list[ret->count++] = (struct usdt_argument){
            .operand = operand, .type = operand_type(&operand), .true_type = -1};
    }
    if (!probe->signature || ret->more)
        return;
    ret->storage = sure(malloc(rst_signature_room(probe->signature)));
    if (rst_signature_parse(probe->signature, ret->storage, &signature) == 0 &&
        all_agree(ret, &signature))
        put_names(ret, &signature);
}

void usdt_arguments_free(struct usdt_arguments *arguments)
{
    free(arguments->storage);
    arguments->storage = NULL;
}
