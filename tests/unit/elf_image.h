/* SPDX-License-Identifier: MIT */
/*
 * An image as libelf reads it. This reader knows the ELF format and nothing of librst, so it does
 * not repeat a mistake of librst's emitter.
 */
#ifndef ELF_IMAGE_H
#define ELF_IMAGE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_IMAGE_MOST 64 /* the most sections, and segments */

struct elf_image {
    const uint8_t *bytes;
    size_t size;
    Elf *elf;
    GElf_Ehdr header;
    size_t section_count, segment_count;
    GElf_Shdr sections[ELF_IMAGE_MOST];
    const char *names[ELF_IMAGE_MOST];
    GElf_Phdr segments[ELF_IMAGE_MOST];
    char fault[512]; /* the first fault that was found; "" if none */
};

/* A note; name and description point into the image. */
struct elf_note {
    GElf_Nhdr header;
    const char *name;
    const uint8_t *description;
};

/* Gives false, with a fault, if libelf can't read the image. Close it in both cases. */
bool elf_image_open(struct elf_image *image, const void *bytes, size_t size);
void elf_image_close(struct elf_image *image);

/* Report a fault. Gives false, so that a caller can `return elf_image_fault(...)`. */
bool elf_image_fault(struct elf_image *image, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The number of the section of that name; 0 and a fault unless there is exactly one. */
size_t elf_image_section(struct elf_image *image, const char *name);

/* The section's header; NULL and a fault if there is none. */
const GElf_Shdr *elf_image_header(struct elf_image *image, const char *name);

/* The `size` bytes at an offset; NULL and a fault if they aren't all in the image. */
const uint8_t *elf_image_at(struct elf_image *image, uint64_t offset, uint64_t size);

/* The segment of that type; NULL and a fault unless there is exactly one. */
const GElf_Phdr *elf_image_segment(struct elf_image *image, uint32_t type);

/*
 * Read the note at `*offset` in a section; `*offset` then moves to the next one. Gives 1; 0 at the
 * exact end of the section; -1 and a fault if there is no valid note.
 */
int elf_image_next_note(struct elf_image *image, size_t section, size_t *offset,
                        struct elf_note *note);

/* Read a number of `size` bytes, or of 4, in the image's byte order. */
uint64_t elf_number(const struct elf_image *image, const uint8_t *bytes, size_t size);
uint32_t elf_u32(const struct elf_image *image, const uint8_t *bytes);

/* 4 or 8. */
size_t elf_address_size(const struct elf_image *image);

#endif
