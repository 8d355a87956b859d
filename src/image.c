/* SPDX-License-Identifier: MIT */
/*
 * The image, from its first byte to its last. Each line of regions starts on a 64 KiB boundary, so
 * that no two of them share a page on any CPU; the gaps are holes in the file.
 *
 *     R    ELF header, program headers, .note.gnu.property, .note.gnu.build-id, .hash, .dynsym,
 *          .dynstr, .eh_frame_hdr, .eh_frame, .stapsdt.base
 *     R X  .text                                         the stubs
 *     R W  .dynamic                                      written by the dynamic linker
 *     R W  .probes                                       the semaphores, written by the kernel
 *     -    .note.stapsdt, .note.librst, .shstrtab, section headers             not loaded
 *
 * Why it is as it is:
 *   - Every address equals its file offset: tracers convert between them in different ways, and
 *     with identity they agree.
 *   - The loaded segments have no file page in common: a page that is in two would have its probes
 *     counted twice.
 *   - The order .text, .probes, .note.stapsdt: bcc walks the sections once.
 *   - .note.stapsdt isn't loaded: neither is the one that sys/sdt.h makes, and perf and gdb see
 *     no probes in one that is.
 *   - .stapsdt.base is loaded: gdb finds a note's addresses only through it.
 *   - .probes is file-backed and in the private, writable segment, at an offset below 4 GiB: the
 *     kernel finds the semaphore by file and offset (ref_ctr_offset), 32 bits of it through
 *     perf_event_open(2). It is apart from .dynamic so that it can be mapped afresh.
 *   - Functions have symbols with sizes, named provider__probe, because bpftrace's user stacks name
 *     only those; and unwind tables, so that debuggers walk on to the caller.
 *   - The build-id is made from the contents: perf's cache keeps images by it.
 */
#include "image.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>

#include "error.h"
#include "note.h"
#include "symbols.h"
#include "unwind.h"
#include "writer.h"

#define REGION_ALIGN 0x10000 /* the largest page of any CPU that librst has in mind */

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
    SECTION_SEMAPHORES,
    SECTION_NOTE_STAPSDT,
    SECTION_NOTE_LIBRST,
    SECTION_SHSTRTAB,
    SECTIONS
};

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

struct extent {
    uint64_t offset, size;
};

struct layout {
    struct extent sections[SECTIONS];
    struct extent regions[REGIONS];
    uint64_t section_headers;
};

/* The image being written: the writer stands at the section's start. */
struct job {
    const struct rst_image_spec *spec;
    const struct rst_stub *stub;
    struct layout layout;
    struct rst_writer out;
};

static uint64_t address(const struct job *job, enum section section)
{
    return job->layout.sections[section].offset;
}

static uint64_t stub_address(const struct job *job, size_t probe)
{
    return address(job, SECTION_TEXT) + probe * job->stub->stride;
}

/* ------------------------------------------------------- notes that are loaded -- */

static const char gnu_name[] = "GNU";

static uint64_t property_size(const struct rst_image_spec *spec)
{
    return 3 * sizeof(uint32_t) + sizeof(gnu_name) + spec->arch->property_size;
}

static void property_write(struct job *job)
{
    const struct rst_arch *arch = job->spec->arch;

    rst_note_header_write(&job->out, gnu_name, arch->property_size, NT_GNU_PROPERTY_TYPE_0);
    rst_put_bytes(&job->out, arch->property, arch->property_size);
}

static uint64_t build_id_size(const struct rst_image_spec *spec)
{
    (void)spec;
    return 3 * sizeof(uint32_t) + sizeof(gnu_name) + RST_BUILD_ID_SIZE;
}

/* The id itself is made last, from the rest of the image. */
static void build_id_write(struct job *job)
{
    rst_note_header_write(&job->out, gnu_name, RST_BUILD_ID_SIZE, NT_GNU_BUILD_ID);
}

/* --------------------------------------------------------------------- symbols -- */

static void dynsym_write(struct job *job)
{
    rst_dynsym_write(&job->out, job->spec, SECTION_TEXT, address(job, SECTION_TEXT));
}

static void dynstr_write(struct job *job)
{
    rst_dynstr_write(&job->out, job->spec);
}

static void hash_write(struct job *job)
{
    rst_hash_write(&job->out, job->spec);
}

/* ---------------------------------------------------------------- unwind tables -- */

static uint64_t eh_frame_hdr_size(const struct rst_image_spec *spec)
{
    return rst_unwind_index_size(spec->count);
}

static void eh_frame_hdr_write(struct job *job)
{
    rst_unwind_index_write(&job->out, job->spec->arch, job->spec->nop, job->spec->count,
                           address(job, SECTION_TEXT), address(job, SECTION_EH_FRAME));
}

static uint64_t eh_frame_size(const struct rst_image_spec *spec)
{
    return rst_unwind_size(spec->arch, spec->nop, spec->count);
}

static void eh_frame_write(struct job *job)
{
    rst_unwind_write(&job->out, job->spec->arch, job->spec->nop, job->spec->count,
                     address(job, SECTION_TEXT));
}

/* ----------------------------------------------------------- stubs and semaphores -- */

static uint64_t base_size(const struct rst_image_spec *spec)
{
    (void)spec;
    return 1;
}

static uint64_t text_size(const struct rst_image_spec *spec)
{
    return rst_image_text_size(spec->arch, spec->nop, spec->count);
}

static void text_write(struct job *job)
{
    rst_image_text(job->spec->arch, job->spec->nop, job->spec->count, job->out.bytes + job->out.at);
}

size_t rst_image_text_size(const struct rst_arch *arch, enum rst_nop nop, size_t count)
{
    return count * arch->stubs[nop].stride;
}

void rst_image_text(const struct rst_arch *arch, enum rst_nop nop, size_t count, uint8_t *text)
{
    const struct rst_stub *stub = &arch->stubs[nop];

    memset(text, arch->filler, rst_image_text_size(arch, nop, count));
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * stub->stride, stub->code, stub->size);
}

static uint64_t semaphores_size(const struct rst_image_spec *spec)
{
    return spec->count * sizeof(uint16_t);
}

/* --------------------------------------------------------------- the dynamic section -- */

#define DYNAMIC_ENTRIES 6

static uint64_t dynamic_size(const struct rst_image_spec *spec)
{
    (void)spec;
    return DYNAMIC_ENTRIES * sizeof(Elf64_Dyn);
}

static void dynamic_write(struct job *job)
{
    const uint64_t entries[DYNAMIC_ENTRIES][2] = {
        {DT_HASH, address(job, SECTION_HASH)},
        {DT_STRTAB, address(job, SECTION_DYNSTR)},
        {DT_SYMTAB, address(job, SECTION_DYNSYM)},
        {DT_STRSZ, job->layout.sections[SECTION_DYNSTR].size},
        {DT_SYMENT, sizeof(Elf64_Sym)},
        {DT_NULL, 0},
    };

    for (size_t i = 0; i < DYNAMIC_ENTRIES; i++) {
        rst_put64(&job->out, entries[i][0]);
        rst_put64(&job->out, entries[i][1]);
    }
}

/* ------------------------------------------------------------------ the probes' notes -- */

static uint64_t note_stapsdt_size(const struct rst_image_spec *spec)
{
    uint64_t size = 0;

    for (size_t i = 0; i < spec->count; i++)
        size += rst_note_stapsdt_size(spec->arch, spec->provider, spec->probes[i]);
    return size;
}

static void note_stapsdt_write(struct job *job)
{
    for (size_t i = 0; i < job->spec->count; i++)
        rst_note_stapsdt_write(&job->out, job->spec->arch, job->spec->provider,
                               job->spec->probes[i], stub_address(job, i) + job->stub->site,
                               address(job, SECTION_STAPSDT_BASE),
                               address(job, SECTION_SEMAPHORES) + i * sizeof(uint16_t));
}

static uint64_t note_librst_size(const struct rst_image_spec *spec)
{
    uint64_t size = 0;

    for (size_t i = 0; i < spec->count; i++)
        size += rst_note_signature_size(spec->probes[i]);
    return size;
}

static void note_librst_write(struct job *job)
{
    for (size_t i = 0; i < job->spec->count; i++)
        rst_note_signature_write(&job->out, job->spec->probes[i],
                                 stub_address(job, i) + job->stub->site);
}

/* ------------------------------------------------------------------ the section table -- */

static uint64_t shstrtab_size(const struct rst_image_spec *spec);
static void shstrtab_write(struct job *job);

/* In the order of their offsets. */
static const struct section_row {
    const char *name;
    uint32_t type;
    uint32_t flags;
    uint32_t link, info;
    uint8_t align, entry_size;
    enum region region;
    uint64_t (*size)(const struct rst_image_spec *spec);
    void (*write)(struct job *job); /* NULL: the bytes are zero */
} sections[SECTIONS] = {
    /* clang-format off */
    [SECTION_NULL] = {"", SHT_NULL, 0, 0, 0, 0, 0, REGION_R, NULL, NULL},
    [SECTION_PROPERTY] = {".note.gnu.property", SHT_NOTE, SHF_ALLOC, 0, 0, 8, 0, REGION_R,
                          property_size, property_write},
    [SECTION_BUILD_ID] = {".note.gnu.build-id", SHT_NOTE, SHF_ALLOC, 0, 0, 4, 0, REGION_R,
                          build_id_size, build_id_write},
    [SECTION_HASH] = {".hash", SHT_HASH, SHF_ALLOC, SECTION_DYNSYM, 0, 8, 4, REGION_R,
                      rst_hash_size, hash_write},
    [SECTION_DYNSYM] = {".dynsym", SHT_DYNSYM, SHF_ALLOC, SECTION_DYNSTR, RST_FIRST_GLOBAL, 8,
                        sizeof(Elf64_Sym), REGION_R, rst_dynsym_size, dynsym_write},
    [SECTION_DYNSTR] = {".dynstr", SHT_STRTAB, SHF_ALLOC, 0, 0, 1, 0, REGION_R,
                        rst_dynstr_size, dynstr_write},
    [SECTION_EH_FRAME_HDR] = {".eh_frame_hdr", SHT_PROGBITS, SHF_ALLOC, 0, 0, 4, 0, REGION_R,
                              eh_frame_hdr_size, eh_frame_hdr_write},
    [SECTION_EH_FRAME] = {".eh_frame", SHT_PROGBITS, SHF_ALLOC, 0, 0, 8, 0, REGION_R,
                          eh_frame_size, eh_frame_write},
    [SECTION_STAPSDT_BASE] = {".stapsdt.base", SHT_PROGBITS, SHF_ALLOC, 0, 0, 1, 0, REGION_R,
                              base_size, NULL},
    [SECTION_TEXT] = {".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 0, 0, 32, 0, REGION_RX,
                      text_size, text_write},
    [SECTION_DYNAMIC] = {".dynamic", SHT_DYNAMIC, SHF_ALLOC | SHF_WRITE, SECTION_DYNSTR, 0, 8,
                         sizeof(Elf64_Dyn), REGION_RW, dynamic_size, dynamic_write},
    [SECTION_SEMAPHORES] = {".probes", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 0, 0, 2, 0,
                            REGION_SEMAPHORES, semaphores_size, NULL},
    [SECTION_NOTE_STAPSDT] = {".note.stapsdt", SHT_NOTE, 0, 0, 0, 4, 0, REGION_TAIL,
                              note_stapsdt_size, note_stapsdt_write},
    [SECTION_NOTE_LIBRST] = {".note.librst", SHT_NOTE, 0, 0, 0, 4, 0, REGION_TAIL,
                             note_librst_size, note_librst_write},
    [SECTION_SHSTRTAB] = {".shstrtab", SHT_STRTAB, 0, 0, 0, 1, 0, REGION_TAIL,
                          shstrtab_size, shstrtab_write},
    /* clang-format on */
};

static uint64_t shstrtab_size(const struct rst_image_spec *spec)
{
    uint64_t size = 0;

    (void)spec;
    for (size_t i = 0; i < SECTIONS; i++)
        size += strlen(sections[i].name) + 1;
    return size;
}

static void shstrtab_write(struct job *job)
{
    for (size_t i = 0; i < SECTIONS; i++)
        rst_put_string(&job->out, sections[i].name);
}

/* --------------------------------------------------------------------------- layout -- */

#define HEADERS_SIZE (sizeof(Elf64_Ehdr) + HEADERS * sizeof(Elf64_Phdr))

static struct layout lay_out(const struct rst_image_spec *spec)
{
    struct layout layout = {0};
    uint64_t at = HEADERS_SIZE;
    enum region region = REGION_R;

    for (enum section i = SECTION_NULL + 1; i < SECTIONS; i++) {
        const struct section_row *row = &sections[i];

        if (row->region != region) {
            layout.regions[region].size = at - layout.regions[region].offset;
            at = rst_align(at, REGION_ALIGN);
            region = row->region;
            layout.regions[region].offset = at;
        }
        at = rst_align(at, row->align);
        layout.sections[i] = (struct extent){at, row->size(spec)};
        at += layout.sections[i].size;
    }
    layout.section_headers = rst_align(at, 8);
    at = layout.section_headers + SECTIONS * sizeof(Elf64_Shdr);
    layout.regions[region].size = at - layout.regions[region].offset;
    return layout;
}

/* -------------------------------------------------------------------------- headers -- */

static void elf_header_write(struct job *job)
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

static void program_headers_write(struct job *job)
{
    const struct extent *section = job->layout.sections, *region = job->layout.regions;
    const struct extent rw = {
        .offset = region[REGION_RW].offset,
        .size = region[REGION_SEMAPHORES].offset + region[REGION_SEMAPHORES].size -
                region[REGION_RW].offset,
    };
    const struct {
        uint32_t type, flags;
        struct extent extent;
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

static void section_headers_write(struct job *job)
{
    uint64_t name = 0;

    job->out.at = job->layout.section_headers;
    for (size_t i = 0; i < SECTIONS; i++) {
        const struct section_row *row = &sections[i];
        const struct extent *extent = &job->layout.sections[i];

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
 * Three lanes of multiply and fold over the image's words. An identity, not a seal: nobody gains by
 * forging it, and at a microsecond a probe a cryptographic hash would be most of a load.
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

static void build_id_fill(struct job *job)
{
    uint64_t lanes[3] = {1, 2, 3};
    size_t id_size = RST_BUILD_ID_SIZE;

    for (enum region i = 0; i < REGIONS; i++) {
        const struct extent *region = &job->layout.regions[i];

        lanes[0] ^= region->size;
        digest(lanes, job->out.bytes + region->offset, region->size);
    }
    job->out.at = address(job, SECTION_BUILD_ID) + build_id_size(job->spec) - id_size;
    rst_put64(&job->out, lanes[0]);
    rst_put64(&job->out, lanes[1]);
    rst_put32(&job->out, lanes[2]);
}

/* --------------------------------------------------------------------------------- all -- */

int rst_image_make(const struct rst_image_spec *spec, struct rst_image *ret)
{
    struct job job = {.spec = spec, .stub = &spec->arch->stubs[spec->nop]};
    const struct extent *tail;
    uint64_t size;

    job.layout = lay_out(spec);
    tail = &job.layout.regions[REGION_TAIL];
    size = tail->offset + tail->size;
    if (size > UINT32_MAX)
        return rst_fail(EFBIG,
                        "provider \"%s\": the image of %zu probes would have %llu bytes, and less "
                        "than 4 GiB is wanted; load after every million probes or so",
                        spec->provider, spec->count, (unsigned long long)size);
    job.out.bytes = calloc(1, size);
    if (!job.out.bytes)
        return rst_fail(ENOMEM, "provider \"%s\": no memory for an image of %llu bytes",
                        spec->provider, (unsigned long long)size);

    elf_header_write(&job);
    program_headers_write(&job);
    for (enum section i = 0; i < SECTIONS; i++) {
        job.out.at = address(&job, i);
        if (sections[i].write)
            sections[i].write(&job);
    }
    section_headers_write(&job);
    build_id_fill(&job);

    *ret = (struct rst_image){
        .bytes = job.out.bytes,
        .size = size,
        .map =
            {
                .readable = job.layout.regions[REGION_R].size,
                .text = address(&job, SECTION_TEXT),
                .dynamic = address(&job, SECTION_DYNAMIC),
                .dynamic_size = job.layout.sections[SECTION_DYNAMIC].size,
                .semaphores = address(&job, SECTION_SEMAPHORES),
                .end = address(&job, SECTION_SEMAPHORES) +
                       job.layout.sections[SECTION_SEMAPHORES].size,
            },
    };
    return 0;
}
