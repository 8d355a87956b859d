/* SPDX-License-Identifier: MIT */
#include "support/note_reader.h"

#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void give_up(const char *path, const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", path, what, elf_errmsg(-1));
    abort();
}

static char *copy(const char *text)
{
    char *duplicate = strdup(text);

    if (!duplicate)
        abort();
    return duplicate;
}

/* Convert an address to an offset in the file, by its segment. */
static uint64_t offset_of(Elf *elf, uint64_t address)
{
    size_t count = 0;
    GElf_Phdr header;

    elf_getphdrnum(elf, &count);
    for (size_t i = 0; i < count; i++)
        if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_LOAD &&
            address >= header.p_vaddr && address < header.p_vaddr + header.p_filesz)
            return address - header.p_vaddr + header.p_offset;
    return 0;
}

static void add_probe(struct found_probes *found, Elf *elf, const char *description)
{
    struct found_probe probe = {0};
    uint64_t addresses[3];
    const char *text = description + sizeof(addresses);

    memcpy(addresses, description, sizeof(addresses));
    probe.site = addresses[0];
    probe.base = addresses[1];
    probe.semaphore = addresses[2];
    probe.site_offset = offset_of(elf, probe.site);
    probe.semaphore_offset = offset_of(elf, probe.semaphore);
    probe.provider = copy(text);
    text += strlen(text) + 1;
    probe.name = copy(text);
    text += strlen(text) + 1;
    probe.arguments = copy(text);
    found->probes = realloc(found->probes, (found->count + 1) * sizeof(probe));
    if (!found->probes)
        abort();
    found->probes[found->count++] = probe;
}

static const struct {
    char letter;
    const char *name;
} types[] = {
    {'?', "bool"},   {'b', "int8"},    {'h', "int16"},  {'i', "int32"},  {'q', "int64"},
    {'B', "uint8"},  {'H', "uint16"},  {'I', "uint32"}, {'Q', "uint64"}, {'f', "float"},
    {'d', "double"}, {'P', "pointer"}, {'s', "string"},
};

/* "Qid,spath" becomes "uint64 id, string path". */
static char *long_form(const char *text)
{
    char *made = NULL;
    size_t size;
    FILE *to = open_memstream(&made, &size);

    if (!to)
        abort();
    while (*text) {
        size_t type = 0, length = strcspn(text + 1, ",");

        while (types[type].letter != *text)
            if (++type == sizeof(types) / sizeof(types[0]))
                abort();
        fprintf(to, "%s%s%.*s", types[type].name, length ? " " : "", (int)length, text + 1);
        text += 1 + length;
        if (*text++ != ',')
            break;
        fputs(", ", to);
    }
    fclose(to);
    return made;
}

/* One string for each probe, in the order of the other notes, which come first. */
static void add_signatures(struct found_probes *found, const char *text, size_t size)
{
    const char *end = text + size;

    for (size_t i = 0; i < found->count; i++) {
        if (text == end || end[-1] != '\0')
            abort();
        found->probes[i].signature = long_form(text);
        text += strlen(text) + 1;
    }
}

static void read_notes(struct found_probes *found, Elf *elf, Elf_Scn *section)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t at = 0, name, description;
    GElf_Nhdr note;

    while (data && (at = gelf_getnote(data, at, &note, &name, &description)) > 0) {
        const char *owner = (const char *)data->d_buf + name;
        const char *bytes = (const char *)data->d_buf + description;

        if (strcmp(owner, "stapsdt") == 0 && note.n_type == 3)
            add_probe(found, elf, bytes);
        else if (strcmp(owner, "rst") == 0 && note.n_type == 2)
            add_signatures(found, bytes, note.n_descsz);
    }
}

struct found_probes read_probes(const char *path)
{
    struct found_probes found = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    Elf_Scn *section = NULL;
    GElf_Shdr header;
    Elf *elf;

    elf_version(EV_CURRENT);
    elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ, NULL);
    if (!elf)
        give_up(path, "cannot be read");
    while ((section = elf_nextscn(elf, section)))
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_NOTE)
            read_notes(&found, elf, section);
    elf_end(elf);
    close(fd);
    return found;
}

void free_probes(struct found_probes *found)
{
    for (size_t i = 0; i < found->count; i++) {
        free(found->probes[i].provider);
        free(found->probes[i].name);
        free(found->probes[i].arguments);
        free(found->probes[i].signature);
    }
    free(found->probes);
    *found = (struct found_probes){0};
}

const struct found_probe *find_probe(const struct found_probes *found, const char *provider,
                                     const char *name)
{
    for (size_t i = 0; i < found->count; i++)
        if (strcmp(found->probes[i].provider, provider) == 0 &&
            strcmp(found->probes[i].name, name) == 0)
            return &found->probes[i];
    fprintf(stderr, "none of %zu probes is %s:%s\n", found->count, provider, name);
    abort();
}
