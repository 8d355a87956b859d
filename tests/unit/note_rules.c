/* SPDX-License-Identifier: MIT */
/*
 * Rules for the notes.
 */
#include "image_rules.h"

#include <stdlib.h>
#include <string.h>

/* The string at `*at`, which moves past its NUL; NULL if there is no NUL before `end`. */
static const char *next_string(const uint8_t **at, const uint8_t *end)
{
    const char *text = (const char *)*at;
    const uint8_t *nul = *at < end ? memchr(*at, '\0', (size_t)(end - *at)) : NULL;

    if (!nul)
        return NULL;
    *at = nul + 1;
    return text;
}

/* The size must be exact: gdb, bcc and SystemTap refuse a note with bytes after the last NUL. */
int next_probe_note(struct elf_image *image, size_t section, size_t *offset, struct probe_note *ret)
{
    const size_t word = elf_address_size(image);
    const uint8_t *at, *end;
    struct elf_note note;
    int found = elf_image_next_note(image, section, offset, &note);

    if (found <= 0)
        return found;
    if (note.header.n_namesz != 8 || memcmp(note.name, "stapsdt", 8) != 0 ||
        note.header.n_type != 3 || note.header.n_descsz < 3 * word) {
        elf_image_fault(image, "note before %zu: name of %u bytes, type %u, %u bytes", *offset,
                        note.header.n_namesz, note.header.n_type, note.header.n_descsz);
        return -1;
    }
    at = note.description + 3 * word;
    end = note.description + note.header.n_descsz;
    ret->pc = elf_number(image, note.description, word);
    ret->base = elf_number(image, note.description + word, word);
    ret->semaphore = elf_number(image, note.description + 2 * word, word);
    ret->provider = next_string(&at, end);
    ret->probe = next_string(&at, end);
    ret->arguments = next_string(&at, end);
    if (!ret->arguments || at != end) {
        elf_image_fault(image, "note before %zu: three strings do not fill its description",
                        *offset);
        return -1;
    }
    return 1;
}

/* Call `check` for each probe and its note, in order. */
static bool each_note(struct elf_image *image, const struct expected_image *expected,
                      bool (*check)(struct elf_image *image, const struct expected_image *expected,
                                    size_t index, const struct probe_note *note))
{
    size_t section = elf_image_section(image, ".note.stapsdt"), offset = 0, count = 0;
    struct probe_note note;
    int found;

    if (!section)
        return false;
    while ((found = next_probe_note(image, section, &offset, &note)) > 0) {
        if (count == expected->count)
            return elf_image_fault(image, "more than %zu notes", count);
        if (!check(image, expected, count++, &note))
            return false;
    }
    if (found < 0)
        return false;
    return count == expected->count ||
           elf_image_fault(image, "%zu notes for %zu probes", count, expected->count);
}

static bool says_what_was_declared(struct elf_image *image, const struct expected_image *expected,
                                   size_t index, const struct probe_note *note)
{
    const struct expected_probe *probe = &expected->probes[index];

    return (strcmp(note->provider, expected->provider) == 0 &&
            strcmp(note->probe, probe->name) == 0 &&
            strcmp(note->arguments, probe->arguments) == 0) ||
           elf_image_fault(image, "note %zu: \"%.60s\" \"%.60s\" \"%s\", not \"%s\"", index,
                           note->provider, note->probe, note->arguments, probe->arguments);
}

static bool each_note_says_provider_probe_and_arguments(struct elf_image *image,
                                                        const struct expected_image *expected)
{
    return each_note(image, expected, says_what_was_declared);
}

static bool has_its_nop_there(struct elf_image *image, const struct expected_image *expected,
                              size_t index, const struct probe_note *note)
{
    static const uint8_t nop5[] = {0x0f, 0x1f, 0x44, 0x00, 0x00};
    const uint8_t *code;
    GElf_Sym symbol;
    uint64_t end = note->pc + expected->nop.size;

    if (!probe_symbol(image, expected, index, &symbol))
        return false;
    if (note->pc < symbol.st_value || end >= symbol.st_value + symbol.st_size)
        return elf_image_fault(image, "note %zu: pc %#jx isn't in its function at %#jx", index,
                               (uintmax_t)note->pc, (uintmax_t)symbol.st_value);
    code = elf_image_at(image, note->pc, expected->nop.size + sizeof(nop5));
    if (!code || memcmp(code, expected->nop.at, expected->nop.size) != 0)
        return elf_image_fault(image, "note %zu: no nop at pc %#jx", index, (uintmax_t)note->pc);
    if (note->pc / 4096 != (end - 1) / 4096)
        return elf_image_fault(image, "note %zu: the nop at %#jx crosses a page", index,
                               (uintmax_t)note->pc);
    /* libbpf 1.7 would attach to this one instead */
    return memcmp(code + expected->nop.size, nop5, sizeof(nop5)) != 0 ||
           elf_image_fault(image, "note %zu: a nop5 follows the nop", index);
}

static bool each_pc_is_at_the_nop_of_its_function(struct elf_image *image,
                                                  const struct expected_image *expected)
{
    return each_note(image, expected, has_its_nop_there);
}

static bool has_the_base(struct elf_image *image, const struct expected_image *expected,
                         size_t index, const struct probe_note *note)
{
    const GElf_Shdr *base = elf_image_header(image, ".stapsdt.base");

    (void)expected;
    if (!base)
        return false;
    return (base->sh_size == 1 && note->base == base->sh_addr) ||
           elf_image_fault(image, "note %zu: base %#jx; .stapsdt.base: %ju bytes at %#jx", index,
                           (uintmax_t)note->base, (uintmax_t)base->sh_size,
                           (uintmax_t)base->sh_addr);
}

/* Without .stapsdt.base gdb finds no probes. */
static bool each_base_is_the_address_of_stapsdt_base(struct elf_image *image,
                                                     const struct expected_image *expected)
{
    return each_note(image, expected, has_the_base);
}

/* The semaphores are in ascending order, so no two are the same. */
static bool has_its_semaphore(struct elf_image *image, const struct expected_image *expected,
                              size_t index, const struct probe_note *note)
{
    const GElf_Shdr *probes = elf_image_header(image, ".probes");
    const uint8_t *semaphore = elf_image_at(image, note->semaphore, 4);

    (void)expected;
    if (!probes || !semaphore)
        return false;
    if (note->semaphore != probes->sh_addr + 4 * index || note->semaphore % 4 != 0 ||
        note->semaphore + 4 > probes->sh_addr + probes->sh_size)
        return elf_image_fault(image, "note %zu: semaphore %#jx; .probes: %#jx bytes at %#jx",
                               index, (uintmax_t)note->semaphore, (uintmax_t)probes->sh_size,
                               (uintmax_t)probes->sh_addr);
    if (note->semaphore == 0 || note->semaphore > UINT32_MAX)
        return elf_image_fault(image, "note %zu: the kernel can't reach semaphore %#jx", index,
                               (uintmax_t)note->semaphore);
    return elf_u32(image, semaphore) == 0 || elf_image_fault(image, "note %zu: its semaphore is %u",
                                                             index, elf_u32(image, semaphore));
}

static bool each_probe_has_a_zero_semaphore_of_its_own(struct elf_image *image,
                                                       const struct expected_image *expected)
{
    const GElf_Shdr *probes = elf_image_header(image, ".probes");

    if (!probes)
        return false;
    if (probes->sh_size != 4 * expected->count)
        return elf_image_fault(image, ".probes has %ju bytes", (uintmax_t)probes->sh_size);
    return each_note(image, expected, has_its_semaphore);
}

/* One note of librst's has each probe's signature in its short form, in the order of the probes. */
static bool librst_note_tells_the_signatures_in_order(struct elf_image *image,
                                                      const struct expected_image *expected)
{
    size_t section = elf_image_section(image, ".note.librst"), offset = 0;
    struct elf_note note;
    const uint8_t *at, *end;

    if (!section || elf_image_next_note(image, section, &offset, &note) <= 0)
        return false;
    if (note.header.n_namesz != 4 || memcmp(note.name, "rst", 4) != 0 || note.header.n_type != 2)
        return elf_image_fault(image, "librst note: name of %u bytes, type %u",
                               note.header.n_namesz, note.header.n_type);
    at = note.description;
    end = at + note.header.n_descsz;
    for (size_t i = 0; i < expected->count; i++) {
        const char *signature = next_string(&at, end);
        char *wanted = expected_short_form(expected->probes[i].signature);
        bool is_right = signature && strcmp(signature, wanted) == 0;

        if (!is_right)
            elf_image_fault(image, "signature %zu: \"%.200s\", not \"%.200s\"", i,
                            signature ? signature : "", wanted);
        free(wanted);
        if (!is_right)
            return false;
    }
    if (at != end)
        return elf_image_fault(image, "librst note: %zu bytes after the signatures",
                               (size_t)(end - at));
    return elf_image_next_note(image, section, &offset, &note) == 0 ||
           elf_image_fault(image, "more than one librst note");
}

/* Find the only note of a section, which must be called "GNU". */
static bool gnu_note(struct elf_image *image, const char *name, uint32_t type,
                     struct elf_note *note)
{
    size_t section = elf_image_section(image, name), offset = 0;

    if (!section || elf_image_next_note(image, section, &offset, note) <= 0)
        return false;
    if (note->header.n_namesz != 4 || memcmp(note->name, "GNU", 4) != 0 ||
        note->header.n_type != type || offset != image->sections[section].sh_size)
        return elf_image_fault(image, "%s: type %u", name, note->header.n_type);
    for (size_t i = 0; i < image->segment_count; i++)
        if (image->segments[i].p_type == PT_NOTE &&
            image->segments[i].p_offset == image->sections[section].sh_offset &&
            image->segments[i].p_filesz == image->sections[section].sh_size)
            return true;
    return elf_image_fault(image, "no PT_NOTE has %s", name);
}

/* perf's cache stores images by build-id. */
static bool build_id_is_there(struct elf_image *image, const struct expected_image *expected)
{
    static const uint8_t zero[20];
    struct elf_note note;

    (void)expected;
    if (!gnu_note(image, ".note.gnu.build-id", NT_GNU_BUILD_ID, &note))
        return false;
    return (note.header.n_descsz == sizeof(zero) &&
            memcmp(note.description, zero, sizeof(zero)) != 0) ||
           elf_image_fault(image, "the build-id has %u bytes, or is zero", note.header.n_descsz);
}

/*
 * Without this note, loading the image would turn the process's control-flow protection off. CPUs
 * whose functions comply with none have no such note.
 */
static bool property_keeps_control_flow_protection_on(struct elf_image *image,
                                                      const struct expected_image *expected)
{
    const struct expected_bytes *property = &expected->cpu->property;
    struct elf_note note;

    if (property->size == 0) {
        for (size_t i = 1; i < image->section_count; i++)
            if (strcmp(image->names[i], ".note.gnu.property") == 0)
                return elf_image_fault(image, "section %zu is %s", i, image->names[i]);
        return true;
    }
    if (!gnu_note(image, ".note.gnu.property", NT_GNU_PROPERTY_TYPE_0, &note))
        return false;
    return (note.header.n_descsz == property->size &&
            memcmp(note.description, property->at, property->size) == 0) ||
           elf_image_fault(image, "the property has %u bytes, or others", note.header.n_descsz);
}

const struct rule note_rules[] = {
    /* clang-format off */
    RULE(each_note_says_provider_probe_and_arguments),
    RULE(each_pc_is_at_the_nop_of_its_function),
    RULE(each_base_is_the_address_of_stapsdt_base),
    RULE(each_probe_has_a_zero_semaphore_of_its_own),
    RULE(librst_note_tells_the_signatures_in_order),
    RULE(build_id_is_there),
    RULE(property_keeps_control_flow_protection_on),
    {NULL, NULL},
    /* clang-format on */
};
