/* SPDX-License-Identifier: MIT */
#include "image/sections.h"

#include <elf.h>

#include "image/note.h"
#include "image/stubs.h"
#include "image/symbols.h"
#include "image/unwind.h"

static uint64_t stub_address(const struct rst_image_job *job, size_t probe)
{
    return rst_address(job, SECTION_TEXT) + probe * job->stub->stride;
}

/* ------------------------------------------------------- notes that are loaded -- */

static const char gnu_name[] = "GNU";

static uint64_t property_size(const struct rst_image_spec *spec)
{
    if (spec->arch->property_size == 0)
        return 0;
    return 3 * sizeof(uint32_t) + sizeof(gnu_name) + spec->arch->property_size;
}

static void property_write(struct rst_image_job *job)
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

/* build_id_fill() in image.c writes the id itself last, because it depends on the other bytes. */
static void build_id_write(struct rst_image_job *job)
{
    rst_note_header_write(&job->out, gnu_name, RST_BUILD_ID_SIZE, NT_GNU_BUILD_ID);
}

/* --------------------------------------------------------------------- symbols -- */

static void dynsym_write(struct rst_image_job *job)
{
    rst_dynsym_write(&job->out, job->spec, job->layout.numbers[SECTION_TEXT],
                     rst_address(job, SECTION_TEXT));
}

static void dynstr_write(struct rst_image_job *job)
{
    rst_dynstr_write(&job->out, job->spec);
}

static void hash_write(struct rst_image_job *job)
{
    rst_hash_write(&job->out, job->spec);
}

/* ---------------------------------------------------------------- unwind tables -- */

static uint64_t eh_frame_hdr_size(const struct rst_image_spec *spec)
{
    return rst_unwind_index_size(spec->count);
}

static void eh_frame_hdr_write(struct rst_image_job *job)
{
    rst_unwind_index_write(&job->out, job->spec->arch, job->spec->nop, job->spec->count,
                           rst_address(job, SECTION_TEXT), rst_address(job, SECTION_EH_FRAME));
}

static uint64_t eh_frame_size(const struct rst_image_spec *spec)
{
    return rst_unwind_size(spec->arch, spec->nop, spec->count);
}

static void eh_frame_write(struct rst_image_job *job)
{
    rst_unwind_write(&job->out, job->spec->arch, job->spec->nop, job->spec->count,
                     rst_address(job, SECTION_TEXT));
}

/* ----------------------------------------------------------- stubs and semaphores -- */

static uint64_t base_size(const struct rst_image_spec *spec)
{
    (void)spec;
    return 1;
}

static uint64_t text_size(const struct rst_image_spec *spec)
{
    return rst_stubs_size(spec->arch, spec->nop, spec->count);
}

static void text_write(struct rst_image_job *job)
{
    rst_stubs_write(job->spec->arch, job->spec->nop, job->spec->count,
                    job->out.bytes + job->out.at);
}

static uint64_t nothing_size(const struct rst_image_spec *spec)
{
    (void)spec;
    return 0;
}

static uint64_t semaphores_size(const struct rst_image_spec *spec)
{
    return spec->count * RST_SEMAPHORE_SIZE;
}

/* --------------------------------------------------------------- the dynamic section -- */

#define DYNAMIC_ENTRIES 6

static uint64_t dynamic_size(const struct rst_image_spec *spec)
{
    return DYNAMIC_ENTRIES * rst_section_unit(spec->arch, RST_SIZE_DYNAMIC);
}

static void dynamic_write(struct rst_image_job *job)
{
    const uint64_t entries[DYNAMIC_ENTRIES][2] = {
        {DT_HASH, rst_address(job, SECTION_HASH)},
        {DT_STRTAB, rst_address(job, SECTION_DYNSTR)},
        {DT_SYMTAB, rst_address(job, SECTION_DYNSYM)},
        {DT_STRSZ, job->layout.sections[SECTION_DYNSTR].size},
        {DT_SYMENT, rst_section_unit(job->spec->arch, RST_SIZE_SYMBOL)},
        {DT_NULL, 0},
    };

    for (size_t i = 0; i < DYNAMIC_ENTRIES; i++) {
        rst_put_address(&job->out, entries[i][0]);
        rst_put_address(&job->out, entries[i][1]);
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

static void note_stapsdt_write(struct rst_image_job *job)
{
    for (size_t i = 0; i < job->spec->count; i++)
        rst_note_stapsdt_write(&job->out, job->spec->arch, job->spec->provider,
                               job->spec->probes[i], stub_address(job, i) + job->stub->site,
                               rst_address(job, SECTION_STAPSDT_BASE),
                               rst_address(job, SECTION_SEMAPHORES) + i * RST_SEMAPHORE_SIZE);
}

static uint64_t note_librst_size(const struct rst_image_spec *spec)
{
    return rst_note_signatures_size(spec->probes, spec->count);
}

static void note_librst_write(struct rst_image_job *job)
{
    rst_note_signatures_write(&job->out, job->spec->probes, job->spec->count);
}

/* ------------------------------------------------------------------ the section table -- */

static uint64_t shstrtab_size(const struct rst_image_spec *spec);
static void shstrtab_write(struct rst_image_job *job);

const struct rst_section rst_sections[SECTIONS] = {
    /* clang-format off */
    [SECTION_NULL] = {"", SHT_NULL, 0, 0, 0, 0, 0, REGION_R, NULL, NULL},
    [SECTION_PROPERTY] = {".note.gnu.property", SHT_NOTE, SHF_ALLOC, 0, 0, RST_SIZE_ADDRESS, 0, REGION_R,
                          property_size, property_write},
    [SECTION_BUILD_ID] = {".note.gnu.build-id", SHT_NOTE, SHF_ALLOC, 0, 0, 4, 0, REGION_R,
                          build_id_size, build_id_write},
    [SECTION_HASH] = {".hash", SHT_HASH, SHF_ALLOC, SECTION_DYNSYM, 0, RST_SIZE_ADDRESS, RST_SIZE_HASH_WORD,
                      REGION_R, rst_hash_size, hash_write},
    [SECTION_DYNSYM] = {".dynsym", SHT_DYNSYM, SHF_ALLOC, SECTION_DYNSTR, RST_FIRST_GLOBAL, RST_SIZE_ADDRESS,
                        RST_SIZE_SYMBOL, REGION_R, rst_dynsym_size, dynsym_write},
    [SECTION_DYNSTR] = {".dynstr", SHT_STRTAB, SHF_ALLOC, 0, 0, 1, 0, REGION_R,
                        rst_dynstr_size, dynstr_write},
    [SECTION_EH_FRAME_HDR] = {".eh_frame_hdr", SHT_PROGBITS, SHF_ALLOC, 0, 0, 4, 0, REGION_R,
                              eh_frame_hdr_size, eh_frame_hdr_write},
    [SECTION_EH_FRAME] = {".eh_frame", SHT_PROGBITS, SHF_ALLOC, 0, 0, RST_SIZE_ADDRESS, 0, REGION_R,
                          eh_frame_size, eh_frame_write},
    [SECTION_STAPSDT_BASE] = {".stapsdt.base", SHT_PROGBITS, SHF_ALLOC, 0, 0, 1, 0, REGION_R,
                              base_size, NULL},
    [SECTION_TEXT] = {".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 0, 0, 32, 0, REGION_RX,
                      text_size, text_write},
    [SECTION_DYNAMIC] = {".dynamic", SHT_DYNAMIC, SHF_ALLOC | SHF_WRITE, SECTION_DYNSTR, 0, RST_SIZE_ADDRESS,
                         RST_SIZE_DYNAMIC, REGION_RW, dynamic_size, dynamic_write},
    [SECTION_DATA] = {".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 0, 0, 1, 0, REGION_RW,
                      nothing_size, NULL},
    [SECTION_SEMAPHORES] = {".probes", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 0, 0, RST_SEMAPHORE_SIZE, 0,
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

    for (enum section i = 0; i < SECTIONS; i++)
        if (rst_section_exists(spec, i))
            size += strlen(rst_sections[i].name) + 1;
    return size;
}

static void shstrtab_write(struct rst_image_job *job)
{
    for (enum section i = 0; i < SECTIONS; i++)
        if (rst_section_exists(job->spec, i))
            rst_put_string(&job->out, rst_sections[i].name);
}

bool rst_section_exists(const struct rst_image_spec *spec, enum section section)
{
    return section != SECTION_PROPERTY || property_size(spec) > 0;
}

uint64_t rst_section_unit(const struct rst_arch *arch, uint8_t size)
{
    switch (size) {
    case RST_SIZE_ADDRESS:
        return arch->is_64_bit ? 8 : 4;
    case RST_SIZE_SYMBOL:
        return arch->is_64_bit ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    case RST_SIZE_DYNAMIC:
        return arch->is_64_bit ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
    case RST_SIZE_HASH_WORD:
        return arch->hash_word_size;
    default:
        return size;
    }
}
