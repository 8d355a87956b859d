/* SPDX-License-Identifier: MIT */
/*
 * The image's sections: their order, and the contents of each.
 */
#ifndef RST_SECTIONS_H
#define RST_SECTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "image/spec.h"
#include "image/writer.h"

/* The image's regions. Each begins on a page boundary of every CPU. */
enum region { REGION_R, REGION_RX, REGION_RW, REGION_SEMAPHORES, REGION_TAIL, REGIONS };

enum section {
    SECTION_NULL,
    SECTION_PROPERTY,
    SECTION_BUILD_ID,
    SECTION_HASH,
    SECTION_DYNSYM,
    SECTION_DYNSTR,
    SECTION_EH_FRAME_HDR,
    SECTION_EH_FRAME,
    SECTION_STAPSDT_BASE,
    SECTION_TEXT,
    SECTION_DYNAMIC,
    SECTION_DATA,
    SECTION_SEMAPHORES,
    SECTION_NOTE_STAPSDT,
    SECTION_NOTE_LIBRST,
    SECTION_SHSTRTAB,
    SECTIONS
};

struct rst_extent {
    uint64_t offset, size;
};

struct rst_layout {
    struct rst_extent sections[SECTIONS];
    uint16_t numbers[SECTIONS]; /* in the table of section headers; of those that are there */
    uint16_t section_count;
    struct rst_extent regions[REGIONS];
    uint64_t section_headers;
};

/* The image being written. A section's write() finds the writer at the section's start. */
struct rst_image_job {
    const struct rst_image_spec *spec;
    const struct rst_stub *stub;
    struct rst_layout layout;
    struct rst_writer out;
};

/* Sizes that depend on the CPU, in place of a number. */
enum { RST_SIZE_ADDRESS = 0x80, RST_SIZE_SYMBOL, RST_SIZE_DYNAMIC, RST_SIZE_HASH_WORD };

struct rst_section {
    const char *name;
    uint32_t type;
    uint32_t flags;
    uint32_t link, info;
    uint8_t align, entry_size; /* bytes, or one of the sizes above */
    enum region region;
    uint64_t (*size)(const struct rst_image_spec *spec);
    void (*write)(struct rst_image_job *job); /* NULL: the bytes are zero */
};

/* In the order of their offsets. */
extern const struct rst_section rst_sections[SECTIONS];

/* Whether an image has the section. */
bool rst_section_exists(const struct rst_image_spec *spec, enum section section);

/* How many bytes a size of the table means. */
uint64_t rst_section_unit(const struct rst_arch *arch, uint8_t size);

static inline uint64_t rst_address(const struct rst_image_job *job, enum section section)
{
    return job->layout.sections[section].offset;
}

#endif
