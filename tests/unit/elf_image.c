/* SPDX-License-Identifier: MIT */
#include "elf_image.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool elf_image_fault(struct elf_image *image, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(image->fault, sizeof(image->fault), format, args);
    va_end(args);
    return false;
}

static bool read_headers(struct elf_image *image)
{
    size_t names;

    if (!gelf_getehdr(image->elf, &image->header) ||
        elf_getshdrnum(image->elf, &image->section_count) != 0 ||
        elf_getphdrnum(image->elf, &image->segment_count) != 0 ||
        elf_getshdrstrndx(image->elf, &names) != 0)
        return elf_image_fault(image, "libelf: %s", elf_errmsg(-1));
    if (image->section_count > ELF_IMAGE_MOST || image->segment_count > ELF_IMAGE_MOST)
        return elf_image_fault(image, "%zu sections, %zu segments: more than this reader takes",
                               image->section_count, image->segment_count);
    for (size_t i = 0; i < image->section_count; i++) {
        if (!gelf_getshdr(elf_getscn(image->elf, i), &image->sections[i]))
            return elf_image_fault(image, "section %zu: libelf: %s", i, elf_errmsg(-1));
        image->names[i] = elf_strptr(image->elf, names, image->sections[i].sh_name);
        if (!image->names[i])
            return elf_image_fault(image, "section %zu has no name: %s", i, elf_errmsg(-1));
    }
    for (size_t i = 0; i < image->segment_count; i++)
        if (!gelf_getphdr(image->elf, (int)i, &image->segments[i]))
            return elf_image_fault(image, "segment %zu: libelf: %s", i, elf_errmsg(-1));
    return true;
}

bool elf_image_open(struct elf_image *image, const void *bytes, size_t size)
{
    union {
        const void *ours;
        char *libelfs; /* libelf takes a char *, but only reads here */
    } memory = {bytes};

    memset(image, 0, sizeof(*image));
    image->bytes = bytes;
    image->size = size;
    if (elf_version(EV_CURRENT) == EV_NONE)
        return elf_image_fault(image, "libelf is too old");
    image->elf = elf_memory(memory.libelfs, size);
    if (!image->elf || elf_kind(image->elf) != ELF_K_ELF)
        return elf_image_fault(image, "not an ELF file: %s", elf_errmsg(-1));
    return read_headers(image);
}

void elf_image_close(struct elf_image *image)
{
    elf_end(image->elf);
    image->elf = NULL;
}

size_t elf_image_section(struct elf_image *image, const char *name)
{
    size_t found = 0;

    for (size_t i = 1; i < image->section_count; i++) {
        if (strcmp(image->names[i], name) != 0)
            continue;
        if (found) {
            elf_image_fault(image, "sections %zu and %zu are both called %s", found, i, name);
            return 0;
        }
        found = i;
    }
    if (!found)
        elf_image_fault(image, "there is no section %s", name);
    return found;
}

const GElf_Shdr *elf_image_header(struct elf_image *image, const char *name)
{
    size_t section = elf_image_section(image, name);

    return section ? &image->sections[section] : NULL;
}

const uint8_t *elf_image_at(struct elf_image *image, uint64_t offset, uint64_t size)
{
    if (offset <= image->size && size <= image->size - offset)
        return image->bytes + offset;
    elf_image_fault(image, "%#jx bytes at %#jx: the image ends at %#zx", (uintmax_t)size,
                    (uintmax_t)offset, image->size);
    return NULL;
}

const GElf_Phdr *elf_image_segment(struct elf_image *image, uint32_t type)
{
    const GElf_Phdr *found = NULL;

    for (size_t i = 0; i < image->segment_count; i++) {
        if (image->segments[i].p_type != type)
            continue;
        if (found) {
            elf_image_fault(image, "two segments of type %#x", type);
            return NULL;
        }
        found = &image->segments[i];
    }
    if (!found)
        elf_image_fault(image, "no segment of type %#x", type);
    return found;
}

int elf_image_next_note(struct elf_image *image, size_t section, size_t *offset,
                        struct elf_note *note)
{
    Elf_Data *data = elf_getdata(elf_getscn(image->elf, section), NULL);
    size_t name, description, next, start = *offset;

    if (!data) {
        elf_image_fault(image, "%s: libelf: %s", image->names[section], elf_errmsg(-1));
        return -1;
    }
    if (start == data->d_size)
        return 0;
    next = gelf_getnote(data, start, &note->header, &name, &description);
    if (next <= start) {
        elf_image_fault(image, "%s: no note at offset %zu of %zu", image->names[section], start,
                        data->d_size);
        return -1;
    }
    note->name = (const char *)data->d_buf + name;
    note->description = (const uint8_t *)data->d_buf + description;
    *offset = next;
    return 1;
}

uint64_t elf_number(const struct elf_image *image, const uint8_t *bytes, size_t size)
{
    const bool big = image->header.e_ident[EI_DATA] == ELFDATA2MSB;
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[big ? i : size - 1 - i];
    return value;
}

uint32_t elf_u32(const struct elf_image *image, const uint8_t *bytes)
{
    return (uint32_t)elf_number(image, bytes, 4);
}

size_t elf_address_size(const struct elf_image *image)
{
    return image->header.e_ident[EI_CLASS] == ELFCLASS64 ? 8 : 4;
}
