/* SPDX-License-Identifier: MIT */
/*
 * Rules for .eh_frame and .eh_frame_hdr. Without them, gdb stops unwinding at a probe. The formats
 * are DWARF's call frame information (DWARF 5, section 6.4) with the changes of the Linux Standard
 * Base (Core, "Exception Frames").
 */
#include "image_rules.h"

#include <string.h>

enum { RBP = 6, RSP = 7, RETURN_ADDRESS = 16, REGISTERS = 17 };

/* How to find the caller's registers: the frame address (CFA), and the registers saved there. */
struct row {
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
    bool broken;
};

static unsigned next_byte(struct cursor *cursor)
{
    if (cursor->at == cursor->end) {
        cursor->broken = true;
        return 0;
    }
    return *cursor->at++;
}

/* Read an unsigned LEB128 of one byte; the tables have no longer ones. */
static unsigned next_number(struct cursor *cursor)
{
    unsigned value = next_byte(cursor);

    cursor->broken |= value >= 0x80;
    return value;
}

/*
 * Run instructions up to the row for `pc`. DW_CFA_restore takes its values from `entry_row`, the
 * CIE's.
 */
static bool run(struct cursor *cursor, uint64_t pc, const struct row *entry_row, struct row *row)
{
    while (cursor->at < cursor->end && !cursor->broken) {
        unsigned code = next_byte(cursor), low = code & 0x3f;

        if (code >> 6 == 1 && low > 0) { /* DW_CFA_advance_loc */
            cursor->pc += low;
            if (cursor->pc > pc)
                return true;
        } else if (code >> 6 == 2) { /* DW_CFA_offset; the data alignment is -8 */
            if (low >= REGISTERS)
                return false;
            row->saved[low] = true;
            row->place[low] = -8 * (int64_t)next_number(cursor);
        } else if (code >> 6 == 3) { /* DW_CFA_restore */
            if (low >= REGISTERS)
                return false;
            row->saved[low] = entry_row->saved[low];
            row->place[low] = entry_row->place[low];
        } else if (code == 0x0c) { /* DW_CFA_def_cfa */
            row->base = next_number(cursor);
            row->distance = next_number(cursor);
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
    length = elf_u32(image->bytes + offset);
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
static bool read_cie(struct elf_image *image, uint64_t offset, struct row *row)
{
    static const uint8_t wanted[] = {
        0,    0,    0,    0, /* marks a CIE */
        1,                   /* version */
        'z',  'R',  '\0',    /* augmentation */
        1,                   /* code alignment */
        0x78,                /* data alignment -8 */
        16,                  /* the return address' register */
        1,    0x1b,          /* pointers in FDEs: pc-relative, signed, 4 bytes */
    };
    struct cursor cursor = {0};
    struct entry cie;

    memset(row, 0, sizeof(*row));
    if (!entry_at(image, offset, &cie))
        return false;
    if ((size_t)(cie.end - cie.at) < sizeof(wanted) || memcmp(cie.at, wanted, sizeof(wanted)) != 0)
        return elf_image_fault(image, "the CIE at %#jx is not as expected", (uintmax_t)offset);
    cursor.at = cie.at + sizeof(wanted);
    cursor.end = cie.end;
    return run(&cursor, 0, row, row) ||
           elf_image_fault(image, "the CIE at %#jx has an unknown instruction", (uintmax_t)offset);
}

struct fde {
    uint64_t cie, start, size;
    struct cursor instructions;
};

static bool read_fde(struct elf_image *image, uint64_t offset, struct fde *fde)
{
    struct entry entry;
    uint32_t back;

    if (!entry_at(image, offset, &entry))
        return false;
    if (entry.end - entry.at < 13)
        return elf_image_fault(image, "no FDE at %#jx", (uintmax_t)offset);
    back = elf_u32(entry.at);
    if (back == 0 || back > offset + 4)
        return elf_image_fault(image, "the FDE at %#jx has its CIE %u before", (uintmax_t)offset,
                               back);
    fde->cie = offset + 4 - back;
    fde->start = offset_of(image, entry.at + 4) + (uint64_t)(int64_t)(int32_t)elf_u32(entry.at + 4);
    fde->size = elf_u32(entry.at + 8);
    if (entry.at[12] != 0)
        return elf_image_fault(image, "the FDE at %#jx has augmentation data", (uintmax_t)offset);
    fde->instructions = (struct cursor){.at = entry.at + 13, .end = entry.end, .pc = fde->start};
    return true;
}

static bool row_is(struct elf_image *image, const struct fde *fde, uint64_t pc, unsigned base,
                   int64_t distance, bool rbp_saved)
{
    struct cursor cursor = fde->instructions;
    struct row entry_row, row;

    if (!read_cie(image, fde->cie, &entry_row))
        return false;
    row = entry_row;
    if (!run(&cursor, pc, &entry_row, &row))
        return elf_image_fault(image, "the FDE for %#jx has an unknown instruction",
                               (uintmax_t)fde->start);
    if (row.base != base || row.distance != distance || !row.saved[RETURN_ADDRESS] ||
        row.place[RETURN_ADDRESS] != -8 || row.saved[RBP] != rbp_saved ||
        (rbp_saved && row.place[RBP] != -16))
        return elf_image_fault(
            image, "at +%ju the frame is at r%u+%jd, the return address %jd from it, rbp %s%jd",
            (uintmax_t)(pc - fde->start), row.base, (intmax_t)row.distance,
            (intmax_t)row.place[RETURN_ADDRESS], row.saved[RBP] ? "" : "not saved ",
            (intmax_t)row.place[RBP]);
    return true;
}

/* At every instruction of a function, the row agrees with the instructions before it. */
static bool rows_follow_the_code(struct elf_image *image, const struct expected_image *expected,
                                 const struct fde *fde)
{
    const uint64_t push = 4, move = 5, nop = expected->nop_size == 5 ? 9 : 8;
    const uint64_t pop = nop + expected->nop_size, ret = pop + 1;
    const uint64_t at = fde->start;

    return row_is(image, fde, at, RSP, 8, false) && row_is(image, fde, at + push, RSP, 8, false) &&
           row_is(image, fde, at + move, RSP, 16, true) &&
           row_is(image, fde, at + nop, RBP, 16, true) &&
           row_is(image, fde, at + pop, RBP, 16, true) &&
           row_is(image, fde, at + ret, RSP, 8, false);
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
    if (index->sh_size != 12 + 8 * expected->count || memcmp(table, encodings, 4) != 0 ||
        elf_u32(table + 8) != expected->count)
        return elf_image_fault(image, ".eh_frame_hdr: %ju bytes", (uintmax_t)index->sh_size);
    if (index->sh_addr + 4 + (uint64_t)(int64_t)(int32_t)elf_u32(table + 4) != frames->sh_addr)
        return elf_image_fault(image, ".eh_frame_hdr does not lead to .eh_frame");
    for (size_t i = 0; i < expected->count; i++) {
        const uint8_t *row = table + 12 + 8 * i;
        uint64_t start = index->sh_addr + (uint64_t)(int64_t)(int32_t)elf_u32(row);
        uint64_t at = index->sh_addr + (uint64_t)(int64_t)(int32_t)elf_u32(row + 4);
        struct fde fde;
        GElf_Sym symbol;

        if (!probe_symbol(image, expected, i, &symbol) || !read_fde(image, at, &fde))
            return false;
        if (start != symbol.st_value || fde.start != start || fde.size != symbol.st_size)
            return elf_image_fault(
                image, "row %zu: %#jx leads to an FDE of %#jx, %ju bytes; the function: %#jx, %ju",
                i, (uintmax_t)start, (uintmax_t)fde.start, (uintmax_t)fde.size,
                (uintmax_t)symbol.st_value, (uintmax_t)symbol.st_size);
    }
    return true;
}

/* Walk the entries from the first: a CIE, an FDE for each probe, a zero. */
static bool frames_unwind_every_instruction(struct elf_image *image,
                                            const struct expected_image *expected)
{
    const GElf_Shdr *frames = elf_image_header(image, ".eh_frame");
    uint64_t at, first;
    struct entry entry;
    struct row row;
    struct fde fde;

    if (!frames || !read_cie(image, frames->sh_offset, &row) ||
        !entry_at(image, frames->sh_offset, &entry))
        return false;
    first = at = offset_of(image, entry.end);
    for (size_t i = 0; i < expected->count; i++) {
        if (!read_fde(image, at, &fde) || !entry_at(image, at, &entry))
            return false;
        if (fde.cie != frames->sh_offset)
            return elf_image_fault(image, "the FDE at %#jx has its CIE at %#jx", (uintmax_t)at,
                                   (uintmax_t)fde.cie);
        if (!rows_follow_the_code(image, expected, &fde))
            return false;
        at = offset_of(image, entry.end);
    }
    if (at + 4 != frames->sh_offset + frames->sh_size || elf_u32(image->bytes + at) != 0)
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
