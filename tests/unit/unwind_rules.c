/* SPDX-License-Identifier: MIT */
/*
 * Rules for .eh_frame and .eh_frame_hdr. Without them, gdb stops unwinding at a probe. The formats
 * are DWARF's call frame information (DWARF 5, section 6.4) with the changes of the Linux Standard
 * Base (Core, "Exception Frames").
 */
#include "image_rules.h"

#include <string.h>

enum {
    REGISTERS = 96,
    SHARED = 64, /* functions that share an FDE */
};

/* How to find the caller's registers: the frame address (CFA), and the registers saved there. */
struct row {
    bool defined;
    unsigned base; /* the CFA is relative to this register */
    int64_t distance;
    bool saved[REGISTERS];
    int64_t place[REGISTERS]; /* relative to the CFA */
};

/* An entry with its length; `at` is the first field after the length. */
struct entry {
    const uint8_t *at, *end;
};

struct cursor {
    const uint8_t *at, *end;
    uint64_t pc;
    unsigned code_align; /* from the CIE */
    int data_align;
    bool broken;
    bool has_remembered; /* a state; no table remembers two at once */
    struct row remembered;
};

static unsigned next_byte(struct cursor *cursor)
{
    if (cursor->at == cursor->end) {
        cursor->broken = true;
        return 0;
    }
    return *cursor->at++;
}

/* Read an unsigned LEB128 of one or two bytes; the tables have no longer ones. */
static unsigned next_number(struct cursor *cursor)
{
    unsigned value = next_byte(cursor);

    if (value >= 0x80) {
        value = (value & 0x7f) | next_byte(cursor) << 7;
        cursor->broken |= value < 0x80 || value >= 1 << 14;
    }
    return value;
}

/* Read a signed LEB128 of one byte. */
static int next_signed_number(struct cursor *cursor)
{
    unsigned value = next_byte(cursor);

    cursor->broken |= value >= 0x80;
    return value & 0x40 ? (int)value - 0x80 : (int)value;
}

static bool save(struct row *row, unsigned reg, int64_t place)
{
    if (reg >= REGISTERS)
        return false;
    row->saved[reg] = true;
    row->place[reg] = place;
    return true;
}

/* Run instructions up to the row for `pc`, from the row for an earlier one. */
static bool run(struct cursor *cursor, uint64_t pc, struct row *row)
{
    if (cursor->pc > pc)
        return true;
    while (cursor->at < cursor->end && !cursor->broken) {
        unsigned code = next_byte(cursor), low = code & 0x3f;

        if (code >> 6 == 1 && low > 0) { /* DW_CFA_advance_loc */
            cursor->pc += low * cursor->code_align;
            if (cursor->pc > pc)
                return true;
        } else if (code >> 6 == 2) { /* DW_CFA_offset */
            if (!save(row, low, cursor->data_align * (int64_t)next_number(cursor)))
                return false;
        } else if (code == 0x11) { /* DW_CFA_offset_extended_sf */
            low = next_number(cursor);
            if (!save(row, low, cursor->data_align * (int64_t)next_signed_number(cursor)))
                return false;
        } else if (code == 0x0a) { /* DW_CFA_remember_state */
            if (cursor->has_remembered)
                return false;
            cursor->has_remembered = true;
            cursor->remembered = *row;
        } else if (code == 0x0b) { /* DW_CFA_restore_state */
            if (!cursor->has_remembered)
                return false;
            cursor->has_remembered = false;
            *row = cursor->remembered;
        } else if (code == 0x0c) { /* DW_CFA_def_cfa */
            row->base = next_number(cursor);
            row->distance = next_number(cursor);
            row->defined = true;
        } else if (!row->defined) { /* the others change it */
            return false;
        } else if (code == 0x0d) { /* DW_CFA_def_cfa_register */
            row->base = next_number(cursor);
        } else if (code == 0x0e) { /* DW_CFA_def_cfa_offset */
            row->distance = next_number(cursor);
        } else if (code != 0) { /* DW_CFA_nop */
            return false;
        }
    }
    return !cursor->broken;
}

/* The entry at an offset; gives false, with a fault, if it isn't in .eh_frame. */
static bool entry_at(struct elf_image *image, uint64_t offset, struct entry *entry)
{
    const GElf_Shdr *frames = elf_image_header(image, ".eh_frame");
    uint64_t end = frames ? frames->sh_offset + frames->sh_size : 0;
    uint32_t length;

    if (!frames)
        return false;
    if (offset < frames->sh_offset || offset + 4 > end || !elf_image_at(image, offset, 4))
        return elf_image_fault(image, "%#jx isn't in .eh_frame", (uintmax_t)offset);
    length = elf_u32(image, image->bytes + offset);
    if (length % 4 != 0 || offset + 4 + length > end || !elf_image_at(image, offset + 4, length))
        return elf_image_fault(image, ".eh_frame: the entry at %#jx has %u bytes",
                               (uintmax_t)offset, length);
    entry->at = image->bytes + offset + 4;
    entry->end = entry->at + length;
    return true;
}

static uint64_t offset_of(const struct elf_image *image, const uint8_t *at)
{
    return (uint64_t)(at - image->bytes);
}

/* Read the CIE: its fixed fields, then the row on entry to a function. */
static bool read_cie(struct elf_image *image, const struct expected_cpu *cpu, uint64_t offset,
                     struct row *row)
{
    const uint8_t wanted[] = {
        0,
        0,
        0,
        0, /* marks a CIE */
        1, /* version */
        'z',
        'R',
        '\0', /* augmentation */
        cpu->code_align,
        cpu->data_align,
        cpu->return_register,
        1,
        0x1b, /* pointers in FDEs: pc-relative, signed, 4 bytes */
    };
    struct cursor cursor = {.code_align = cpu->code_align, .data_align = cpu->data_align - 0x80};
    struct entry cie;

    memset(row, 0, sizeof(*row));
    if (!entry_at(image, offset, &cie))
        return false;
    if ((size_t)(cie.end - cie.at) < sizeof(wanted) || memcmp(cie.at, wanted, sizeof(wanted)) != 0)
        return elf_image_fault(image, "the CIE at %#jx is not as expected", (uintmax_t)offset);
    cursor.at = cie.at + sizeof(wanted);
    cursor.end = cie.end;
    return run(&cursor, 0, row) ||
           elf_image_fault(image, "the CIE at %#jx has an unknown instruction", (uintmax_t)offset);
}

struct fde {
    uint64_t cie, start, size;
    struct cursor instructions; /* those that are still to be run */
    struct row row;             /* what those before have made */
};

static bool read_fde(struct elf_image *image, uint64_t offset, struct fde *fde)
{
    struct entry entry;
    uint32_t back;

    if (!entry_at(image, offset, &entry))
        return false;
    if (entry.end - entry.at < 13)
        return elf_image_fault(image, "no FDE at %#jx", (uintmax_t)offset);
    back = elf_u32(image, entry.at);
    if (back == 0 || back > offset + 4)
        return elf_image_fault(image, "the FDE at %#jx has its CIE %u before", (uintmax_t)offset,
                               back);
    fde->cie = offset + 4 - back;
    fde->start =
        offset_of(image, entry.at + 4) + (uint64_t)(int64_t)(int32_t)elf_u32(image, entry.at + 4);
    fde->size = elf_u32(image, entry.at + 8);
    if (entry.at[12] != 0)
        return elf_image_fault(image, "the FDE at %#jx has augmentation data", (uintmax_t)offset);
    fde->instructions = (struct cursor){.at = entry.at + 13, .end = entry.end, .pc = fde->start};
    return true;
}

static bool saves_are(const struct row *row, const struct expected_row *wanted)
{
    struct row copy = {0};

    for (size_t i = 0; i < EXPECTED_MOST_SAVED; i++)
        if (wanted->saved[i].place != 0)
            save(&copy, wanted->saved[i].reg, wanted->saved[i].place);
    for (size_t i = 0; i < REGISTERS; i++)
        if (copy.saved[i] != row->saved[i] || (copy.saved[i] && copy.place[i] != row->place[i]))
            return false;
    return true;
}

static bool row_is(struct elf_image *image, struct fde *fde, uint64_t pc,
                   const struct expected_row *wanted)
{
    const struct row *row = &fde->row;

    if (!run(&fde->instructions, pc, &fde->row))
        return elf_image_fault(image, "the FDE for %#jx has an unknown instruction",
                               (uintmax_t)fde->start);
    if (row->base != wanted->base || row->distance != wanted->distance || !saves_are(row, wanted))
        return elf_image_fault(image,
                               "at +%ju the frame is at r%u+%jd, should be at r%u+%d; or it has "
                               "other registers saved",
                               (uintmax_t)(pc - fde->start), row->base, (intmax_t)row->distance,
                               wanted->base, wanted->distance);
    return true;
}

/*
 * At every instruction of a function, the row agrees with the instructions before it. At the nop it
 * is the last one before.
 */
static bool rows_follow_the_code(struct elf_image *image, const struct expected_image *expected,
                                 struct fde *fde, uint64_t function)
{
    const struct expected_cpu *cpu = expected->cpu;
    const uint64_t site = function + expected_site(expected), after = site + expected->nop.size;

    for (size_t i = 0; i < cpu->row_count; i++) {
        const struct expected_row *row = &cpu->rows[i];
        uint64_t pc = (row->after_nop ? after : function) + row->offset;

        if (row->after_nop && !cpu->rows[i - 1].after_nop &&
            !row_is(image, fde, site, &cpu->rows[i - 1]))
            return false;
        if (!row_is(image, fde, pc, row))
            return false;
    }
    return true;
}

/* How many functions share FDE `number`: 64, but for the last. */
static size_t functions_of(const struct expected_image *expected, size_t number)
{
    size_t rest = expected->count - SHARED * number;

    return rest < SHARED ? rest : SHARED;
}

static size_t fde_count(const struct expected_image *expected)
{
    return (expected->count + SHARED - 1) / SHARED;
}

/* FDE `number` begins with its first function, and ends with its last. */
static bool covers_its_functions(struct elf_image *image, const struct expected_image *expected,
                                 size_t number, const struct fde *fde)
{
    const size_t first = SHARED * number, last = first + functions_of(expected, number) - 1;
    GElf_Sym from, to;

    if (!probe_symbol(image, expected, first, &from) || !probe_symbol(image, expected, last, &to))
        return false;
    return (fde->start == from.st_value && fde->start + fde->size == to.st_value + to.st_size) ||
           elf_image_fault(image,
                           "FDE %zu is for %#jx, %ju bytes; its functions are at %#jx to %#jx, %ju",
                           number, (uintmax_t)fde->start, (uintmax_t)fde->size,
                           (uintmax_t)from.st_value, (uintmax_t)to.st_value, (uintmax_t)to.st_size);
}

/* The index is a table of (address, FDE), both relative to its start, sorted by address. */
static bool index_leads_from_each_function_to_its_fde(struct elf_image *image,
                                                      const struct expected_image *expected)
{
    static const uint8_t encodings[] = {1, 0x1b, 0x03, 0x3b};
    const GElf_Shdr *index = elf_image_header(image, ".eh_frame_hdr");
    const GElf_Shdr *frames = elf_image_header(image, ".eh_frame");
    const uint8_t *table = index ? elf_image_at(image, index->sh_offset, index->sh_size) : NULL;

    if (!table || !frames)
        return false;
    if (index->sh_size != 12 + 8 * fde_count(expected) || memcmp(table, encodings, 4) != 0 ||
        elf_u32(image, table + 8) != fde_count(expected))
        return elf_image_fault(image, ".eh_frame_hdr: %ju bytes", (uintmax_t)index->sh_size);
    if (index->sh_addr + 4 + (uint64_t)(int64_t)(int32_t)elf_u32(image, table + 4) !=
        frames->sh_addr)
        return elf_image_fault(image, ".eh_frame_hdr does not lead to .eh_frame");
    for (size_t i = 0; i < fde_count(expected); i++) {
        const uint8_t *row = table + 12 + 8 * i;
        uint64_t start = index->sh_addr + (uint64_t)(int64_t)(int32_t)elf_u32(image, row);
        uint64_t at = index->sh_addr + (uint64_t)(int64_t)(int32_t)elf_u32(image, row + 4);
        struct fde fde;

        if (!read_fde(image, at, &fde) || !covers_its_functions(image, expected, i, &fde))
            return false;
        if (start != fde.start)
            return elf_image_fault(image, "row %zu: %#jx leads to the FDE of %#jx", i,
                                   (uintmax_t)start, (uintmax_t)fde.start);
    }
    return true;
}

/* Walk the entries from the first: a CIE, the FDEs, a zero. */
static bool frames_unwind_every_instruction(struct elf_image *image,
                                            const struct expected_image *expected)
{
    const GElf_Shdr *frames = elf_image_header(image, ".eh_frame");
    uint64_t at, first;
    struct entry entry;
    struct row row;
    struct fde fde;

    if (!frames || !read_cie(image, expected->cpu, frames->sh_offset, &row) ||
        !entry_at(image, frames->sh_offset, &entry))
        return false;
    first = at = offset_of(image, entry.end);
    for (size_t i = 0; i < expected->count; i++) {
        GElf_Sym symbol;

        if (i % SHARED == 0) {
            if (!read_fde(image, at, &fde) || !entry_at(image, at, &entry))
                return false;
            if (!read_cie(image, expected->cpu, fde.cie, &fde.row))
                return false;
            fde.instructions.code_align = expected->cpu->code_align;
            fde.instructions.data_align = expected->cpu->data_align - 0x80;
            if (fde.cie != frames->sh_offset)
                return elf_image_fault(image, "the FDE at %#jx has its CIE at %#jx", (uintmax_t)at,
                                       (uintmax_t)fde.cie);
            at = offset_of(image, entry.end);
        }
        if (!probe_symbol(image, expected, i, &symbol) ||
            !rows_follow_the_code(image, expected, &fde, symbol.st_value))
            return false;
    }
    if (at + 4 != frames->sh_offset + frames->sh_size || elf_u32(image, image->bytes + at) != 0)
        return elf_image_fault(image, ".eh_frame: no zero ends it at %#jx (it began at %#jx)",
                               (uintmax_t)at, (uintmax_t)first);
    return true;
}

const struct rule unwind_rules[] = {
    /* clang-format off */
    RULE(index_leads_from_each_function_to_its_fde),
    RULE(frames_unwind_every_instruction),
    {NULL, NULL},
    /* clang-format on */
};
