/* SPDX-License-Identifier: MIT */
#include "find_site.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A file, mapped for reading. */
struct elf {
    const uint8_t *bytes;
    struct stat status;
};

static const char *elf_open(const char *path, struct elf *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *wrong = NULL;

    if (fd < 0 || fstat(fd, &ret->status) < 0) {
        wrong = "can't open the image";
    } else {
        ret->bytes = mmap(NULL, (size_t)ret->status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (ret->bytes == MAP_FAILED)
            wrong = "can't map the image";
        else if (memcmp(ret->bytes, ELFMAG, SELFMAG) != 0)
            wrong = "the image is not an ELF file";
    }
    if (fd >= 0)
        close(fd);
    return wrong;
}

static void elf_close(struct elf *elf)
{
    munmap((void *)(uintptr_t)elf->bytes, (size_t)elf->status.st_size);
}

static const Elf64_Ehdr *header(const struct elf *elf)
{
    return (const Elf64_Ehdr *)(const void *)elf->bytes;
}

static const Elf64_Shdr *section_at(const struct elf *elf, size_t index)
{
    return (const Elf64_Shdr *)(const void *)(elf->bytes + header(elf)->e_shoff) + index;
}

static const Elf64_Shdr *section_named(const struct elf *elf, const char *name)
{
    const Elf64_Shdr *names = section_at(elf, header(elf)->e_shstrndx);

    for (size_t i = 0; i < header(elf)->e_shnum; i++) {
        const Elf64_Shdr *section = section_at(elf, i);

        if (strcmp((const char *)elf->bytes + names->sh_offset + section->sh_name, name) == 0)
            return section;
    }
    return NULL;
}

static uint64_t to_offset(const struct elf *elf, uint64_t address)
{
    const Elf64_Phdr *segments =
        (const Elf64_Phdr *)(const void *)(elf->bytes + header(elf)->e_phoff);

    for (size_t i = 0; i < header(elf)->e_phnum; i++) {
        const Elf64_Phdr *segment = &segments[i];

        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
            address < segment->p_vaddr + segment->p_filesz)
            return address - segment->p_vaddr + segment->p_offset;
    }
    return 0;
}

/* A note of .note.stapsdt: addresses of site, base and semaphore; provider, probe, operands. */
struct note {
    uint64_t addresses[3];
    const char *provider, *probe;
};

/* Read the note at `*at`, which moves past it; gives false at the end. */
static bool next_note(const struct elf *elf, const Elf64_Shdr *section, uint64_t *at,
                      struct note *ret)
{
    const uint8_t *bytes = elf->bytes + section->sh_offset + *at;
    Elf64_Nhdr note;

    if (*at + sizeof(note) > section->sh_size)
        return false;
    memcpy(&note, bytes, sizeof(note));
    bytes += sizeof(note) + ((note.n_namesz + 3u) & ~3u);
    memcpy(ret->addresses, bytes, sizeof(ret->addresses));
    ret->provider = (const char *)bytes + sizeof(ret->addresses);
    ret->probe = ret->provider + strlen(ret->provider) + 1;
    *at += sizeof(note) + ((note.n_namesz + 3u) & ~3u) + ((note.n_descsz + 3u) & ~3u);
    return true;
}

/* The address at which this process has mapped the file's `offset`. */
static void *address_of(const struct stat *status, uint64_t offset)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    void *found = NULL;

    while (maps && !found && fgets(line, sizeof(line), maps)) {
        uint64_t start, end, from, inode;
        unsigned major_number, minor_number;

        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %x:%x %" SCNu64, &start, &end,
                   &from, &major_number, &minor_number, &inode) == 6 &&
            inode == status->st_ino && makedev(major_number, minor_number) == status->st_dev &&
            offset >= from && offset - from < end - start)
            found = (void *)(uintptr_t)(start + offset - from);
    }
    if (maps)
        fclose(maps);
    return found;
}

static const char *find_in(const struct elf *elf, const char *provider, const char *probe,
                           struct bench_site *ret)
{
    const Elf64_Shdr *notes = section_named(elf, ".note.stapsdt");
    const Elf64_Shdr *base = section_named(elf, ".stapsdt.base");
    struct note note;
    uint64_t at = 0;

    if (!notes || !base)
        return "the image has no stapsdt notes";
    while (next_note(elf, notes, &at, &note)) {
        uint64_t moved = base->sh_addr - note.addresses[1];

        if (strcmp(note.provider, provider) != 0 || strcmp(note.probe, probe) != 0)
            continue;
        if (ret->offset)
            return "the probe has several sites";
        ret->offset = to_offset(elf, note.addresses[0] + moved);
        if (note.addresses[2])
            ret->semaphore = to_offset(elf, note.addresses[2] + moved);
    }
    if (!ret->offset)
        return "no note names the probe";
    ret->code = address_of(&elf->status, ret->offset);
    if (ret->semaphore)
        ret->watched = address_of(&elf->status, ret->semaphore);
    return ret->code && (ret->watched || !ret->semaphore) ? NULL : "the probe's site is not mapped";
}

const char *bench_site_find(const char *path, const char *provider, const char *probe,
                            struct bench_site *ret)
{
    struct elf elf;
    const char *wrong = elf_open(path, &elf);

    if (wrong)
        return wrong;
    *ret = (struct bench_site){.offset = 0};
    snprintf(ret->path, sizeof(ret->path), "%s", path);
    wrong = find_in(&elf, provider, probe, ret);
    elf_close(&elf);
    return wrong;
}

const char *bench_image_read(const char *path, struct bench_image *ret)
{
    const Elf64_Shdr *notes;
    struct note note;
    struct elf elf;
    uint64_t at = 0;
    const char *wrong = elf_open(path, &elf);

    if (wrong)
        return wrong;
    *ret = (struct bench_image){
        .size = (uint64_t)elf.status.st_size,
        .allocated = (uint64_t)elf.status.st_blocks * 512,
        .contents = sizeof(Elf64_Ehdr) + header(&elf)->e_phnum * sizeof(Elf64_Phdr) +
                    header(&elf)->e_shnum * sizeof(Elf64_Shdr),
    };
    for (size_t i = 0; i < header(&elf)->e_shnum; i++)
        if (section_at(&elf, i)->sh_type != SHT_NOBITS)
            ret->contents += section_at(&elf, i)->sh_size;
    notes = section_named(&elf, ".note.stapsdt");
    while (notes && next_note(&elf, notes, &at, &note))
        ret->notes++;
    elf_close(&elf);
    return NULL;
}

/* The longer ones first. None begins like another. */
static const struct instruction {
    const char *words;
    uint8_t size, bytes[6];
} instructions[] = {
    {"call of a nop10", 6, {0x48, 0x8d, 0x64, 0x24, 0x80, 0xe8}},
    {"nop10", 5, {0x66, 0x2e, 0x0f, 0x1f, 0x84}}, /* and any operand */
    {"nop5", 5, {0x0f, 0x1f, 0x44, 0x00, 0x00}},
    {"nop1", 1, {0x90}},
    {"int3", 1, {0xcc}},
    {"call", 1, {0xe8}},
    {"jmp", 1, {0xeb}},
};

const char *bench_site_words(const struct bench_site *site)
{
    for (size_t i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++) {
        size_t at = 0;

        while (at < instructions[i].size && site->code[at] == instructions[i].bytes[at])
            at++;
        if (at == instructions[i].size)
            return instructions[i].words;
    }
    return "an unknown instruction";
}
