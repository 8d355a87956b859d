/* SPDX-License-Identifier: MIT */
/*
 * The layout of the image, from its first byte to its last. Each line below is a region. A region
 * starts on a boundary of the CPU's largest pages, so that no two of them share one; the gaps are
 * holes in the file.
 *
 *     R    ELF header, program headers, .note.gnu.property, .note.gnu.build-id, .hash, .dynsym,
 *          .dynstr, .eh_frame_hdr, .eh_frame, .stapsdt.base
 *     R X  .text                                         the stubs
 *     R W  .dynamic, .data                               written by the dynamic linker; empty
 *     R W  .probes                                       the semaphores, written by the kernel
 *     -    .note.stapsdt, .note.librst, .shstrtab, section headers             not loaded
 *
 * The reasons:
 *   - Every address equals its offset in the image: tracers convert between the two in different
 *     ways, and all of them give the same result when the two are equal.
 *   - The loaded segments share no page of the image: the kernel would count a tracer twice in a
 *     semaphore whose page is in two of them.
 *   - The sections .text, .probes and .note.stapsdt come in this order, because bcc walks the
 *     sections once.
 *   - .note.stapsdt is not loaded: perf and gdb find no probes in a section of that name that is
 *     loaded, and sys/sdt.h does not make one either.
 *   - .stapsdt.base is loaded: gdb finds a note's addresses only through it.
 *   - .probes has its bytes in the image, in the private, writable segment, at an offset below
 *     4 GiB: the kernel finds a semaphore by file and offset (ref_ctr_offset), and
 *     perf_event_open(2) has 32 bits for that offset. .probes is in a region of its own, apart from
 *     .dynamic, so that it can be mapped afresh.
 *   - .data is empty: gdb 10.1 aborts at a probe of a library that has no section of that name.
 *   - Stubs have symbols with sizes, named provider__probe, because bpftrace's user stacks name
 *     only functions with sizes; and unwind tables, so that debuggers walk on to the caller.
 *   - The build-id is made from the contents: perf's cache stores images by it.
 */
#include "image/image.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>

#include "error.h"
#include "image/sections.h"
#include "image/writer.h"

#ifndef PT_GNU_PROPERTY /* glibc before 2.32 */
#define PT_GNU_PROPERTY 0x6474e553
#endif

enum program_header {
    HEADER_LOAD_R,
    HEADER_LOAD_RX,
    HEADER_LOAD_RW,
    HEADER_DYNAMIC,
    HEADER_NOTE_PROPERTY,
    HEADER_NOTE_BUILD_ID,
    HEADER_PROPERTY,
    HEADER_EH_FRAME,
    HEADER_STACK,
    HEADERS
};

/* --------------------------------------------------------------------------- layout -- */

/* The sizes of ELF's own structures. */
struct sizes {
    uint16_t file_header, program_header, section_header;
};

static const struct sizes sizes_32 = {sizeof(Elf32_Ehdr), sizeof(Elf32_Phdr), sizeof(Elf32_Shdr)};
static const struct sizes sizes_64 = {sizeof(Elf64_Ehdr), sizeof(Elf64_Phdr), sizeof(Elf64_Shdr)};

static const struct sizes *sizes_of(const struct rst_arch *arch)
{
    return arch->is_64_bit ? &sizes_64 : &sizes_32;
}

/* Two program headers are for the property. */
static uint16_t program_header_count(const struct rst_image_spec *spec)
{
    return rst_section_exists(spec, SECTION_PROPERTY) ? HEADERS : HEADERS - 2;
}

static struct rst_layout lay_out(const struct rst_image_spec *spec)
{
    const struct sizes *sizes = sizes_of(spec->arch);
    const uint64_t address_size = rst_section_unit(spec->arch, RST_SIZE_ADDRESS);
    struct rst_layout layout = {.section_count = 1};
    uint64_t at = sizes->file_header + (uint64_t)program_header_count(spec) * sizes->program_header;
    enum region region = REGION_R;

    for (enum section i = SECTION_NULL + 1; i < SECTIONS; i++) {
        const struct rst_section *row = &rst_sections[i];

        if (!rst_section_exists(spec, i))
            continue;
        if (row->region != region) {
            layout.regions[region].size = at - layout.regions[region].offset;
            at = rst_align(at, spec->arch->page);
            region = row->region;
            layout.regions[region].offset = at;
        }
        at = rst_align(at, rst_section_unit(spec->arch, row->align));
        layout.numbers[i] = layout.section_count++;
        layout.sections[i] = (struct rst_extent){at, row->size(spec)};
        at += layout.sections[i].size;
    }
    layout.section_headers = rst_align(at, address_size);
    at = layout.section_headers + (uint64_t)layout.section_count * sizes->section_header;
    layout.regions[region].size = at - layout.regions[region].offset;
    return layout;
}

/* -------------------------------------------------------------------------- headers -- */

static void elf_header_write(struct rst_image_job *job)
{
    const struct rst_arch *arch = job->spec->arch;
    const struct sizes *sizes = sizes_of(arch);
    const uint8_t ident[EI_NIDENT] = {
        ELFMAG0,
        ELFMAG1,
        ELFMAG2,
        ELFMAG3,
        arch->is_64_bit ? ELFCLASS64 : ELFCLASS32,
        arch->is_big_endian ? ELFDATA2MSB : ELFDATA2LSB,
        EV_CURRENT,
        ELFOSABI_NONE,
    };
    struct rst_writer *out = &job->out;

    rst_put_bytes(out, ident, sizeof(ident));
    rst_put16(out, ET_DYN);
    rst_put16(out, arch->machine);
    rst_put32(out, EV_CURRENT);
    rst_put_address(out, 0); /* no entry point */
    rst_put_address(out, sizes->file_header);
    rst_put_address(out, job->layout.section_headers);
    rst_put32(out, arch->flags);
    rst_put16(out, sizes->file_header);
    rst_put16(out, sizes->program_header);
    rst_put16(out, program_header_count(job->spec));
    rst_put16(out, sizes->section_header);
    rst_put16(out, job->layout.section_count);
    rst_put16(out, job->layout.numbers[SECTION_SHSTRTAB]);
}

struct program_header_row {
    uint32_t type, flags;
    struct rst_extent extent;
    uint64_t align;
};

/* Elf32_Phdr and Elf64_Phdr have the same fields, in another order. */
static void program_header_write(struct rst_writer *out, const struct program_header_row *row)
{
    const bool is_64_bit = out->address_size == 8;

    rst_put32(out, row->type);
    if (is_64_bit)
        rst_put32(out, row->flags);
    rst_put_address(out, row->extent.offset);
    rst_put_address(out, row->extent.offset); /* p_vaddr */
    rst_put_address(out, row->extent.offset); /* p_paddr */
    rst_put_address(out, row->extent.size);   /* p_filesz */
    rst_put_address(out, row->extent.size);   /* p_memsz */
    if (!is_64_bit)
        rst_put32(out, row->flags);
    rst_put_address(out, row->align);
}

static void program_headers_write(struct rst_image_job *job)
{
    const uint64_t page = job->spec->arch->page;
    const uint64_t address_size = job->out.address_size;
    const bool has_property = rst_section_exists(job->spec, SECTION_PROPERTY);
    const struct rst_extent *section = job->layout.sections, *region = job->layout.regions;
    const struct rst_extent rw = {
        .offset = region[REGION_RW].offset,
        .size = region[REGION_SEMAPHORES].offset + region[REGION_SEMAPHORES].size -
                region[REGION_RW].offset,
    };
    const struct program_header_row rows[HEADERS] = {
        [HEADER_LOAD_R] = {PT_LOAD, PF_R, region[REGION_R], page},
        [HEADER_LOAD_RX] = {PT_LOAD, PF_R | PF_X, region[REGION_RX], page},
        [HEADER_LOAD_RW] = {PT_LOAD, PF_R | PF_W, rw, page},
        [HEADER_DYNAMIC] = {PT_DYNAMIC, PF_R | PF_W, section[SECTION_DYNAMIC], address_size},
        [HEADER_NOTE_PROPERTY] = {PT_NOTE, PF_R, section[SECTION_PROPERTY], address_size},
        [HEADER_NOTE_BUILD_ID] = {PT_NOTE, PF_R, section[SECTION_BUILD_ID], 4},
        [HEADER_PROPERTY] = {PT_GNU_PROPERTY, PF_R, section[SECTION_PROPERTY], address_size},
        [HEADER_EH_FRAME] = {PT_GNU_EH_FRAME, PF_R, section[SECTION_EH_FRAME_HDR], 4},
        [HEADER_STACK] = {PT_GNU_STACK, PF_R | PF_W, {0, 0}, 16},
    };

    for (enum program_header i = 0; i < HEADERS; i++)
        if (has_property || (i != HEADER_NOTE_PROPERTY && i != HEADER_PROPERTY))
            program_header_write(&job->out, &rows[i]);
}

static void section_headers_write(struct rst_image_job *job)
{
    const struct rst_arch *arch = job->spec->arch;
    uint64_t name = 0;

    job->out.at = (size_t)job->layout.section_headers;
    for (enum section i = 0; i < SECTIONS; i++) {
        const struct rst_section *row = &rst_sections[i];
        const struct rst_extent *extent = &job->layout.sections[i];

        if (!rst_section_exists(job->spec, i))
            continue;
        rst_put32(&job->out, name);
        rst_put32(&job->out, row->type);
        rst_put_address(&job->out, row->flags);
        rst_put_address(&job->out, row->flags & SHF_ALLOC ? extent->offset : 0);
        rst_put_address(&job->out, extent->offset);
        rst_put_address(&job->out, extent->size);
        rst_put32(&job->out, job->layout.numbers[row->link]);
        rst_put32(&job->out, row->info);
        rst_put_address(&job->out, rst_section_unit(arch, row->align));
        rst_put_address(&job->out, rst_section_unit(arch, row->entry_size));
        name += strlen(row->name) + 1;
    }
}

/* ---------------------------------------------------------------------------- build-id -- */

/*
 * The build-id: three lanes of multiply and fold over the image's words. It is an identity, not a
 * seal: nobody gains by forging it. At a microsecond a probe, a cryptographic hash would take most
 * of the time of a load.
 */
static void digest(uint64_t lanes[3], const uint8_t *bytes, size_t size)
{
    static const uint64_t factors[3] = {0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f, 0xd6e8feb86659fd93};

    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = 0;

        for (size_t j = 0; j < 8 && i + j < size; j++)
            word |= (uint64_t)bytes[i + j] << (8 * j);
        for (size_t j = 0; j < 3; j++) {
            lanes[j] = (lanes[j] ^ word) * factors[j];
            lanes[j] ^= lanes[j] >> 29;
        }
    }
}

static size_t build_id_offset(const struct rst_image_job *job)
{
    const struct rst_extent *note = &job->layout.sections[SECTION_BUILD_ID];

    return (size_t)(note->offset + note->size) - RST_BUILD_ID_SIZE;
}

static void build_id_fill(struct rst_image_job *job)
{
    uint64_t lanes[3] = {1, 2, 3};

    for (enum region i = 0; i < REGIONS; i++) {
        const struct rst_extent *region = &job->layout.regions[i];

        lanes[0] ^= region->size;
        digest(lanes, job->out.bytes + region->offset, (size_t)region->size);
    }
    job->out.at = build_id_offset(job);
    rst_put64(&job->out, lanes[0]);
    rst_put64(&job->out, lanes[1]);
    rst_put32(&job->out, lanes[2]);
}

/* --------------------------------------------------------------------------------- all -- */

int rst_image_make(const struct rst_image_spec *spec, struct rst_image *ret)
{
    struct rst_image_job job = {
        .spec = spec,
        .stub = &spec->arch->stubs[spec->nop],
        .out = {.big_endian = spec->arch->is_big_endian,
                .address_size = (uint8_t)rst_section_unit(spec->arch, RST_SIZE_ADDRESS)},
    };
    const struct rst_extent *tail;
    uint64_t size;

    job.layout = lay_out(spec);
    tail = &job.layout.regions[REGION_TAIL];
    size = tail->offset + tail->size;
    if (size > UINT32_MAX)
        return rst_fail(
            EFBIG,
            "provider \"%s\": the image of %zu probes would have %llu bytes; it must be less "
            "than 4 GiB: load after every million probes or so",
            spec->provider, spec->count, (unsigned long long)size);
    job.out.bytes = calloc(1, (size_t)size);
    if (!job.out.bytes)
        return rst_fail(ENOMEM, "provider \"%s\": no memory for an image of %llu bytes",
                        spec->provider, (unsigned long long)size);

    elf_header_write(&job);
    program_headers_write(&job);
    for (enum section i = 0; i < SECTIONS; i++) {
        job.out.at = (size_t)rst_address(&job, i);
        if (rst_sections[i].write && rst_section_exists(spec, i))
            rst_sections[i].write(&job);
    }
    section_headers_write(&job);
    build_id_fill(&job);

    *ret = (struct rst_image){
        .bytes = job.out.bytes,
        .size = (size_t)size,
        .map =
            {
                .readable = (size_t)job.layout.regions[REGION_R].size,
                .build_id = build_id_offset(&job),
                .text = (size_t)rst_address(&job, SECTION_TEXT),
                .dynamic = (size_t)rst_address(&job, SECTION_DYNAMIC),
                .dynamic_size = (size_t)job.layout.sections[SECTION_DYNAMIC].size,
                .semaphores = (size_t)rst_address(&job, SECTION_SEMAPHORES),
                .end = (size_t)(rst_address(&job, SECTION_SEMAPHORES) +
                                job.layout.sections[SECTION_SEMAPHORES].size),
            },
    };
    return 0;
}
