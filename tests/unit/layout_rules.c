/* SPDX-License-Identifier: MIT */
/*
 * Rules for headers, segments and sections.
 */
#include "image_rules.h"

#include <string.h>

static bool is_a_shared_object_of_this_cpu(struct elf_image *image,
                                           const struct expected_image *expected)
{
    const GElf_Ehdr *header = &image->header;

    const struct expected_cpu *cpu = expected->cpu;
    const size_t word = elf_address_size(image);

    if (gelf_getclass(image->elf) != cpu->class || header->e_ident[EI_DATA] != cpu->data ||
        header->e_ident[EI_VERSION] != EV_CURRENT || header->e_version != EV_CURRENT)
        return elf_image_fault(image, "not of the CPU's class and byte order, and version 1");
    for (size_t i = EI_OSABI; i < EI_NIDENT; i++)
        if (header->e_ident[i] != 0)
            return elf_image_fault(image, "e_ident[%zu] is %u", i, header->e_ident[i]);
    if (header->e_entry != 0)
        return elf_image_fault(image, "entry point %#jx", (uintmax_t)header->e_entry);
    if (header->e_type != ET_DYN || header->e_machine != cpu->machine ||
        header->e_flags != cpu->flags)
        return elf_image_fault(image, "type %u, machine %u, flags %#x", header->e_type,
                               header->e_machine, header->e_flags);
    if (header->e_ehsize != (word == 8 ? 64 : 52) || header->e_phentsize != (word == 8 ? 56 : 32) ||
        header->e_shentsize != (word == 8 ? 64 : 40))
        return elf_image_fault(image, "header sizes %u, %u, %u", header->e_ehsize,
                               header->e_phentsize, header->e_shentsize);
    return true;
}

/* Three segments: one to read, one to run, one to write. */
static bool loads_what_is_read_run_and_written_apart(struct elf_image *image,
                                                     const struct expected_image *expected)
{
    static const uint32_t flags[] = {PF_R, PF_R | PF_X, PF_R | PF_W};
    size_t loads = 0;

    (void)expected;
    for (size_t i = 0; i < image->segment_count; i++) {
        const GElf_Phdr *segment = &image->segments[i];

        if (segment->p_type != PT_LOAD)
            continue;
        if (loads == 3 || segment->p_flags != flags[loads])
            return elf_image_fault(image, "load segment %zu has flags %#x", loads,
                                   segment->p_flags);
        if (segment->p_filesz == 0 || segment->p_filesz != segment->p_memsz)
            return elf_image_fault(image, "load segment %zu: %#jx bytes of file, %#jx of memory",
                                   loads, (uintmax_t)segment->p_filesz,
                                   (uintmax_t)segment->p_memsz);
        loads++;
    }
    return loads == 3 || elf_image_fault(image, "%zu load segments", loads);
}

/* If a page is in two segments, the kernel counts a tracer of its probes twice. */
static bool load_segments_share_no_page(struct elf_image *image,
                                        const struct expected_image *expected)
{
    const uint64_t page = expected->cpu->page;
    const GElf_Phdr *last = NULL;

    for (size_t i = 0; i < image->segment_count; i++) {
        const GElf_Phdr *segment = &image->segments[i];

        if (segment->p_type != PT_LOAD)
            continue;
        if (segment->p_align != page || segment->p_offset % segment->p_align != 0)
            return elf_image_fault(image, "segment %zu at %#jx is aligned to %#jx", i,
                                   (uintmax_t)segment->p_offset, (uintmax_t)segment->p_align);
        if (last && (last->p_offset + last->p_filesz - 1) / page >= segment->p_offset / page)
            return elf_image_fault(image, "segment %zu begins on the page where the last one ends",
                                   i);
        last = segment;
    }
    return true;
}

/*
 * Tracers convert between addresses and offsets in different ways; these agree only if both are
 * equal.
 */
static bool every_address_is_its_file_offset(struct elf_image *image,
                                             const struct expected_image *expected)
{
    (void)expected;
    for (size_t i = 0; i < image->segment_count; i++)
        if (image->segments[i].p_vaddr != image->segments[i].p_offset ||
            image->segments[i].p_paddr != image->segments[i].p_offset)
            return elf_image_fault(image, "segment %zu: address %#jx, offset %#jx", i,
                                   (uintmax_t)image->segments[i].p_vaddr,
                                   (uintmax_t)image->segments[i].p_offset);
    for (size_t i = 1; i < image->section_count; i++) {
        const GElf_Shdr *section = &image->sections[i];
        uint64_t wanted = section->sh_flags & SHF_ALLOC ? section->sh_offset : 0;

        if (section->sh_addr != wanted)
            return elf_image_fault(image, "%s: address %#jx, offset %#jx", image->names[i],
                                   (uintmax_t)section->sh_addr, (uintmax_t)section->sh_offset);
    }
    return true;
}

static bool nothing_is_writable_and_executable(struct elf_image *image,
                                               const struct expected_image *expected)
{
    const uint64_t both = SHF_WRITE | SHF_EXECINSTR;
    const GElf_Phdr *stack = elf_image_segment(image, PT_GNU_STACK);

    (void)expected;
    if (!stack)
        return false;
    if (stack->p_flags != (PF_R | PF_W) || stack->p_offset != 0 || stack->p_filesz != 0 ||
        stack->p_memsz != 0 || stack->p_align != 16)
        return elf_image_fault(image, "the stack has flags %#x, %#jx bytes", stack->p_flags,
                               (uintmax_t)stack->p_memsz);
    for (size_t i = 0; i < image->segment_count; i++)
        if ((image->segments[i].p_flags & (PF_W | PF_X)) == (PF_W | PF_X))
            return elf_image_fault(image, "segment %zu is writable and executable", i);
    for (size_t i = 0; i < image->section_count; i++)
        if ((image->sections[i].sh_flags & both) == both)
            return elf_image_fault(image, "%s is writable and executable", image->names[i]);
    return true;
}

/* The load segment that contains a range; -1 if none does; -2 if one contains a part of it. */
static int segment_of(const struct elf_image *image, uint64_t offset, uint64_t size)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        const GElf_Phdr *segment = &image->segments[i];
        uint64_t end = segment->p_offset + segment->p_filesz;

        if (segment->p_type != PT_LOAD || offset >= end || offset + size <= segment->p_offset)
            continue;
        return offset >= segment->p_offset && offset + size <= end ? (int)i : -2;
    }
    return -1;
}

static bool sections_lie_in_the_segment_that_suits_them(struct elf_image *image,
                                                        const struct expected_image *expected)
{
    (void)expected;
    for (size_t i = 1; i < image->section_count; i++) {
        const GElf_Shdr *section = &image->sections[i];
        uint32_t flags = PF_R | (section->sh_flags & SHF_WRITE ? PF_W : 0) |
                         (section->sh_flags & SHF_EXECINSTR ? PF_X : 0);
        int segment = segment_of(image, section->sh_offset, section->sh_size);

        if (!(section->sh_flags & SHF_ALLOC)) {
            if (segment != -1)
                return elf_image_fault(image, "%s isn't ALLOC and is loaded", image->names[i]);
        } else if (segment < 0 || image->segments[segment].p_flags != flags) {
            return elf_image_fault(image, "%s lies in segment %d", image->names[i], segment);
        }
    }
    return true;
}

static bool is_zero(const uint8_t *bytes, uint64_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, (size_t)size - 1) == 0);
}

/* Sections are aligned, inside the image, and do not overlap; the bytes between them are zero. */
static bool sections_are_in_order_and_apart(struct elf_image *image,
                                            const struct expected_image *expected)
{
    uint64_t end = image->header.e_phoff + image->segment_count * image->header.e_phentsize;

    (void)expected;
    if (image->header.e_phoff != image->header.e_ehsize)
        return elf_image_fault(image, "program headers at %#jx", (uintmax_t)image->header.e_phoff);
    for (size_t i = 1; i <= image->section_count; i++) {
        bool last = i == image->section_count; /* the section headers themselves */
        uint64_t at = last ? image->header.e_shoff : image->sections[i].sh_offset;
        uint64_t size = last ? i * (uint64_t)image->header.e_shentsize : image->sections[i].sh_size;
        uint64_t align = last ? elf_address_size(image) : image->sections[i].sh_addralign;

        if (at < end || align == 0 || at % align != 0 || !elf_image_at(image, at, size))
            return elf_image_fault(image, "%s at %#jx: the one before ends at %#jx",
                                   last ? "section headers" : image->names[i], (uintmax_t)at,
                                   (uintmax_t)end);
        if (!is_zero(image->bytes + end, (size_t)(at - end)))
            return elf_image_fault(
                image, "the bytes from %#jx to %#jx, where %s begins, are not zero", (uintmax_t)end,
                (uintmax_t)at, last ? "the table of sections" : image->names[i]);
        end = at + size;
    }
    return end == image->size ||
           elf_image_fault(image, "the image ends at %#zx, its contents at %#jx", image->size,
                           (uintmax_t)end);
}

/* bcc walks the sections once, in their order. */
static bool text_comes_before_probes_and_probes_before_notes(struct elf_image *image,
                                                             const struct expected_image *expected)
{
    size_t text = elf_image_section(image, ".text");
    size_t probes = elf_image_section(image, ".probes");
    size_t notes = elf_image_section(image, ".note.stapsdt");

    (void)expected;
    if (!text || !probes || !notes)
        return false;
    return (text < probes && probes < notes) ||
           elf_image_fault(image, ".text is section %zu, .probes %zu, .note.stapsdt %zu", text,
                           probes, notes);
}

static bool text_is_the_first_executable_section(struct elf_image *image,
                                                 const struct expected_image *expected)
{
    (void)expected;
    for (size_t i = 0; i < image->section_count; i++) {
        if (!(image->sections[i].sh_flags & SHF_EXECINSTR))
            continue;
        if (strcmp(image->names[i], ".text") != 0 || image->sections[i].sh_offset == 0)
            return elf_image_fault(image, "the first executable section is %s at %#jx",
                                   image->names[i], (uintmax_t)image->sections[i].sh_offset);
        return true;
    }
    return elf_image_fault(image, "no section is executable");
}

/*
 * .note.stapsdt must not be ALLOC: perf and gdb find no probes in a section that is. bcc divides by
 * sh_entsize. .probes must not be SHT_NOBITS: the kernel finds a semaphore by its offset in the
 * file.
 */
static bool
sections_have_the_types_and_flags_that_tracers_expect(struct elf_image *image,
                                                      const struct expected_image *expected)
{
    const struct expected_cpu *cpu = expected->cpu;
    const size_t word = elf_address_size(image);
    const struct {
        const char *name;
        uint32_t type;
        uint64_t flags, entry_size, align;
        const char *link;
    } wanted[] = {
        {".note.gnu.property", SHT_NOTE, SHF_ALLOC, 0, word, ""},
        {".note.gnu.build-id", SHT_NOTE, SHF_ALLOC, 0, 4, ""},
        {".hash", SHT_HASH, SHF_ALLOC, cpu->hash_word, word, ".dynsym"},
        {".dynsym", SHT_DYNSYM, SHF_ALLOC, cpu->symbol, word, ".dynstr"},
        {".dynstr", SHT_STRTAB, SHF_ALLOC, 0, 1, ""},
        {".eh_frame_hdr", SHT_PROGBITS, SHF_ALLOC, 0, 4, ""},
        {".eh_frame", SHT_PROGBITS, SHF_ALLOC, 0, word, ""},
        {".stapsdt.base", SHT_PROGBITS, SHF_ALLOC, 0, 1, ""},
        {".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 0, 32, ""},
        {".dynamic", SHT_DYNAMIC, SHF_ALLOC | SHF_WRITE, cpu->dynamic, word, ".dynstr"},
        {".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 0, 1, ""},
        {".probes", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 0, 4, ""},
        {".note.stapsdt", SHT_NOTE, 0, 0, 4, ""},
        {".note.librst", SHT_NOTE, 0, 0, 4, ""},
        {".shstrtab", SHT_STRTAB, 0, 0, 1, ""},
    };

    if (image->section_count != 1 + sizeof(wanted) / sizeof(wanted[0]) - !cpu->property.size)
        return elf_image_fault(image, "%zu sections", image->section_count);
    for (size_t i = !cpu->property.size; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        const GElf_Shdr *section = elf_image_header(image, wanted[i].name);

        if (!section)
            return false;
        if (section->sh_link >= image->section_count)
            return elf_image_fault(image, "%s is linked to section %u", wanted[i].name,
                                   section->sh_link);
        if (section->sh_type != wanted[i].type || section->sh_flags != wanted[i].flags ||
            section->sh_entsize != wanted[i].entry_size ||
            section->sh_addralign != wanted[i].align ||
            section->sh_info != (strcmp(wanted[i].name, ".dynsym") == 0) ||
            strcmp(image->names[section->sh_link], wanted[i].link) != 0)
            return elf_image_fault(
                image, "%s: type %u, flags %#jx, entries of %ju, aligned to %ju, linked to \"%s\"",
                wanted[i].name, section->sh_type, (uintmax_t)section->sh_flags,
                (uintmax_t)section->sh_entsize, (uintmax_t)section->sh_addralign,
                image->names[section->sh_link]);
    }
    return true;
}

/*
 * gdb 10.1 takes a probe's address to be as far from the note's as .data is from its own. Without
 * that section it aborts: "sect_index_data not initialized".
 */
static bool gdb_10_finds_a_section_of_data(struct elf_image *image,
                                           const struct expected_image *expected)
{
    const GElf_Shdr *data = elf_image_header(image, ".data");

    (void)expected;
    if (!data)
        return false;
    if (data->sh_type != SHT_PROGBITS || data->sh_flags != (SHF_ALLOC | SHF_WRITE) ||
        data->sh_size != 0)
        return elf_image_fault(image, ".data: type %u, flags %#jx, %ju bytes", data->sh_type,
                               (uintmax_t)data->sh_flags, (uintmax_t)data->sh_size);
    for (size_t i = 0; i < image->segment_count; i++) {
        const GElf_Phdr *segment = &image->segments[i];

        if (segment->p_type == PT_LOAD && segment->p_flags == (PF_R | PF_W) &&
            data->sh_addr >= segment->p_vaddr &&
            data->sh_addr < segment->p_vaddr + segment->p_memsz)
            return true;
    }
    return elf_image_fault(image, ".data at %#jx is in no writable segment",
                           (uintmax_t)data->sh_addr);
}

static bool the_last_name_ends_the_names(struct elf_image *image,
                                         const struct expected_image *expected)
{
    const size_t last = image->section_count - 1;
    const GElf_Shdr *section = &image->sections[last];
    uint64_t end = section->sh_name + strlen(image->names[last]) + 1;

    (void)expected;
    return section->sh_size == end ||
           elf_image_fault(image, "%s has %ju bytes, its names %ju", image->names[last],
                           (uintmax_t)section->sh_size, (uintmax_t)end);
}

/* The semaphores can then be mapped afresh without .dynamic. */
static bool semaphores_have_pages_of_their_own(struct elf_image *image,
                                               const struct expected_image *expected)
{
    size_t probes = elf_image_section(image, ".probes");
    const uint64_t page = expected->cpu->page;
    uint64_t first, last;

    if (!probes)
        return false;
    first = image->sections[probes].sh_offset / page;
    last = (image->sections[probes].sh_offset + image->sections[probes].sh_size - 1) / page;
    for (size_t i = 1; i < image->section_count; i++) {
        uint64_t at = image->sections[i].sh_offset, end = at + image->sections[i].sh_size;

        if (i != probes && at / page <= last && (end - 1) / page >= first)
            return elf_image_fault(image, "%s is on a page of .probes", image->names[i]);
    }
    return true;
}

/* These segments are sections too; some readers use only segments. */
static bool segments_point_at_their_sections(struct elf_image *image,
                                             const struct expected_image *expected)
{
    static const struct {
        uint32_t type, flags;
        const char *section;
    } pairs[] = {
        {PT_DYNAMIC, PF_R | PF_W, ".dynamic"},    {PT_NOTE, PF_R, ".note.gnu.property"},
        {PT_NOTE, PF_R, ".note.gnu.build-id"},    {PT_GNU_PROPERTY, PF_R, ".note.gnu.property"},
        {PT_GNU_EH_FRAME, PF_R, ".eh_frame_hdr"},
    };
    const bool has_property = expected->cpu->property.size > 0;
    size_t found = 0;

    for (size_t i = 0; i < image->segment_count; i++) {
        const GElf_Phdr *segment = &image->segments[i];
        const GElf_Shdr *section;

        if (segment->p_type == PT_LOAD || segment->p_type == PT_GNU_STACK)
            continue;
        while (!has_property && found < sizeof(pairs) / sizeof(pairs[0]) &&
               strcmp(pairs[found].section, ".note.gnu.property") == 0)
            found++;
        if (found == sizeof(pairs) / sizeof(pairs[0]))
            return elf_image_fault(image, "segment %zu, type %#x, is not expected", i,
                                   segment->p_type);
        section = elf_image_header(image, pairs[found].section);
        if (!section)
            return false;
        if (segment->p_type != pairs[found].type || segment->p_flags != pairs[found].flags ||
            segment->p_offset != section->sh_offset || segment->p_filesz != section->sh_size ||
            segment->p_memsz != section->sh_size || segment->p_align != section->sh_addralign)
            return elf_image_fault(image, "segment %zu, type %#x, isn't %s", i, segment->p_type,
                                   pairs[found].section);
        found++;
    }
    return found == sizeof(pairs) / sizeof(pairs[0]) ||
           elf_image_fault(image, "no segment is %s", pairs[found].section);
}

const struct rule layout_rules[] = {
    /* clang-format off */
    RULE(is_a_shared_object_of_this_cpu),
    RULE(loads_what_is_read_run_and_written_apart),
    RULE(load_segments_share_no_page),
    RULE(every_address_is_its_file_offset),
    RULE(nothing_is_writable_and_executable),
    RULE(sections_lie_in_the_segment_that_suits_them),
    RULE(sections_are_in_order_and_apart),
    RULE(text_comes_before_probes_and_probes_before_notes),
    RULE(text_is_the_first_executable_section),
    RULE(sections_have_the_types_and_flags_that_tracers_expect),
    RULE(gdb_10_finds_a_section_of_data),
    RULE(the_last_name_ends_the_names),
    RULE(semaphores_have_pages_of_their_own),
    RULE(segments_point_at_their_sections),
    {NULL, NULL},
    /* clang-format on */
};
