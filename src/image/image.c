/* SPDX-License-Identifier: MIT */
/*
 * The layout of the image, from its first byte to its last. Each line below is a region. A region
 * starts on a 64 KiB boundary, so that no two of them share a page on any CPU; the gaps are holes
 * in the file.
 *
 *     R    ELF header, program headers, .note.gnu.property, .note.gnu.build-id, .hash, .dynsym,
 *          .dynstr, .eh_frame_hdr, .eh_frame, .stapsdt.base
 *     R X  .text                                         the stubs
 *     R W  .dynamic                                      written by the dynamic linker
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

#define REGION_ALIGN 0x10000 /* the largest page size of any CPU that librst may support */

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

#define HEADERS_SIZE (sizeof(Elf64_Ehdr) + HEADERS * sizeof(Elf64_Phdr))

static struct rst_layout lay_out(const struct rst_image_spec *spec)
{
    struct rst_layout layout = {0};
    uint64_t at = HEADERS_SIZE;
    enum region region = REGION_R;

    for (enum section i = SECTION_NULL + 1; i < SECTIONS; i++) {
        const struct rst_section *row = &rst_sections[i];

        if (row->region != region) {
            layout.regions[region].size = at - layout.regions[region].offset;
            at = rst_align(at, REGION_ALIGN);
            region = row->region;
            layout.regions[region].offset = at;
        }
        at = rst_align(at, row->align);
        layout.sections[i] = (struct rst_extent){at, row->size(spec)};
        at += layout.sections[i].size;
    }
    layout.section_headers = rst_align(at, 8);
    at = layout.section_headers + SECTIONS * sizeof(Elf64_Shdr);
    layout.regions[region].size = at - layout.regions[region].offset;
    return layout;
}

/* -------------------------------------------------------------------------- headers -- */

static void elf_header_write(struct rst_image_job *job)
{
    static const uint8_t ident[EI_NIDENT] = {ELFMAG0,    ELFMAG1,     ELFMAG2,    ELFMAG3,
                                             ELFCLASS64, ELFDATA2LSB, EV_CURRENT, ELFOSABI_NONE};
    struct rst_writer *out = &job->out;

    rst_put_bytes(out, ident, sizeof(ident));
    rst_put16(out, ET_DYN);
    rst_put16(out, job->spec->arch->machine);
    rst_put32(out, EV_CURRENT);
    rst_put64(out, 0); /* no entry point */
    rst_put64(out, sizeof(Elf64_Ehdr));
    rst_put64(out, job->layout.section_headers);
    rst_put32(out, job->spec->arch->flags);
    rst_put16(out, sizeof(Elf64_Ehdr));
    rst_put16(out, sizeof(Elf64_Phdr));
    rst_put16(out, HEADERS);
    rst_put16(out, sizeof(Elf64_Shdr));
    rst_put16(out, SECTIONS);
    rst_put16(out, SECTION_SHSTRTAB);
}

static void program_headers_write(struct rst_image_job *job)
{
    const struct rst_extent *section = job->layout.sections, *region = job->layout.regions;
    const struct rst_extent rw = {
        .offset = region[REGION_RW].offset,
        .size = region[REGION_SEMAPHORES].offset + region[REGION_SEMAPHORES].size -
                region[REGION_RW].offset,
    };
    const struct {
        uint32_t type, flags;
        struct rst_extent extent;
        uint64_t align;
    } rows[HEADERS] = {
        [HEADER_LOAD_R] = {PT_LOAD, PF_R, region[REGION_R], REGION_ALIGN},
        [HEADER_LOAD_RX] = {PT_LOAD, PF_R | PF_X, region[REGION_RX], REGION_ALIGN},
        [HEADER_LOAD_RW] = {PT_LOAD, PF_R | PF_W, rw, REGION_ALIGN},
        [HEADER_DYNAMIC] = {PT_DYNAMIC, PF_R | PF_W, section[SECTION_DYNAMIC], 8},
        [HEADER_NOTE_PROPERTY] = {PT_NOTE, PF_R, section[SECTION_PROPERTY], 8},
        [HEADER_NOTE_BUILD_ID] = {PT_NOTE, PF_R, section[SECTION_BUILD_ID], 4},
        [HEADER_PROPERTY] = {PT_GNU_PROPERTY, PF_R, section[SECTION_PROPERTY], 8},
        [HEADER_EH_FRAME] = {PT_GNU_EH_FRAME, PF_R, section[SECTION_EH_FRAME_HDR], 4},
        [HEADER_STACK] = {PT_GNU_STACK, PF_R | PF_W, {0, 0}, 16},
    };

    for (size_t i = 0; i < HEADERS; i++) {
        rst_put32(&job->out, rows[i].type);
        rst_put32(&job->out, rows[i].flags);
        rst_put64(&job->out, rows[i].extent.offset);
        rst_put64(&job->out, rows[i].extent.offset); /* p_vaddr */
        rst_put64(&job->out, rows[i].extent.offset); /* p_paddr */
        rst_put64(&job->out, rows[i].extent.size);   /* p_filesz */
        rst_put64(&job->out, rows[i].extent.size);   /* p_memsz */
        rst_put64(&job->out, rows[i].align);
    }
}

static void section_headers_write(struct rst_image_job *job)
{
    uint64_t name = 0;

    job->out.at = job->layout.section_headers;
    for (size_t i = 0; i < SECTIONS; i++) {
        const struct rst_section *row = &rst_sections[i];
        const struct rst_extent *extent = &job->layout.sections[i];

        rst_put32(&job->out, name);
        rst_put32(&job->out, row->type);
        rst_put64(&job->out, row->flags);
        rst_put64(&job->out, row->flags & SHF_ALLOC ? extent->offset : 0);
        rst_put64(&job->out, extent->offset);
        rst_put64(&job->out, extent->size);
        rst_put32(&job->out, row->link);
        rst_put32(&job->out, row->info);
        rst_put64(&job->out, row->align);
        rst_put64(&job->out, row->entry_size);
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

static uint64_t build_id_offset(const struct rst_image_job *job)
{
    const struct rst_extent *note = &job->layout.sections[SECTION_BUILD_ID];

    return note->offset + note->size - RST_BUILD_ID_SIZE;
}

static void build_id_fill(struct rst_image_job *job)
{
    uint64_t lanes[3] = {1, 2, 3};

    for (enum region i = 0; i < REGIONS; i++) {
        const struct rst_extent *region = &job->layout.regions[i];

        lanes[0] ^= region->size;
        digest(lanes, job->out.bytes + region->offset, region->size);
    }
    job->out.at = build_id_offset(job);
    rst_put64(&job->out, lanes[0]);
    rst_put64(&job->out, lanes[1]);
    rst_put32(&job->out, lanes[2]);
}

/* --------------------------------------------------------------------------------- all -- */

int rst_image_make(const struct rst_image_spec *spec, struct rst_image *ret)
{
    struct rst_image_job job = {.spec = spec, .stub = &spec->arch->stubs[spec->nop]};
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
    job.out.bytes = calloc(1, size);
    if (!job.out.bytes)
        return rst_fail(ENOMEM, "provider \"%s\": no memory for an image of %llu bytes",
                        spec->provider, (unsigned long long)size);

    elf_header_write(&job);
    program_headers_write(&job);
    for (enum section i = 0; i < SECTIONS; i++) {
        job.out.at = rst_address(&job, i);
        if (rst_sections[i].write)
            rst_sections[i].write(&job);
    }
    section_headers_write(&job);
    build_id_fill(&job);

    *ret = (struct rst_image){
        .bytes = job.out.bytes,
        .size = size,
        .map =
            {
                .readable = job.layout.regions[REGION_R].size,
                .build_id = build_id_offset(&job),
                .text = rst_address(&job, SECTION_TEXT),
                .dynamic = rst_address(&job, SECTION_DYNAMIC),
                .dynamic_size = job.layout.sections[SECTION_DYNAMIC].size,
                .semaphores = rst_address(&job, SECTION_SEMAPHORES),
                .end = rst_address(&job, SECTION_SEMAPHORES) +
                       job.layout.sections[SECTION_SEMAPHORES].size,
            },
    };
    return 0;
}
