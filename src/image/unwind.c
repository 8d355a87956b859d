/* SPDX-License-Identifier: MIT */
#include "image/unwind.h"

/*
 * How .eh_frame_hdr and "zR" encode addresses: as signed 32-bit distances, from the field itself
 * (pcrel) or from the start of the index (datarel).
 */
#define DW_EH_PE_udata4 0x03
#define DW_EH_PE_sdata4 0x0b
#define DW_EH_PE_pcrel 0x10
#define DW_EH_PE_datarel 0x30

#define LENGTH_SIZE 4 /* an entry's length does not count the length field */
#define CIE_FIXED_SIZE (LENGTH_SIZE + 4 /* id */ + 1 /* version */ + 3 /* "zR" */ + 5)
#define FDE_FIXED_SIZE (LENGTH_SIZE + 4 /* CIE */ + 4 /* start */ + 4 /* size */ + 1)
#define END_SIZE 4
#define INDEX_HEADER_SIZE 12
#define INDEX_ROW_SIZE 8

/* Entries are aligned as addresses are. */
static size_t entry_size(const struct rst_arch *arch, size_t size)
{
    return (size_t)rst_align(size, arch->is_64_bit ? 8 : 4);
}

static size_t cie_size(const struct rst_arch *arch)
{
    return entry_size(arch, CIE_FIXED_SIZE + arch->unwind_size);
}

static size_t fde_size(const struct rst_arch *arch, const struct rst_stub *stub, size_t count)
{
    return entry_size(arch, FDE_FIXED_SIZE + count * stub->unwind_size);
}

/* How many stubs the FDE that begins at stub `first` is for. */
static size_t stubs_of(size_t first, size_t count)
{
    return count - first < RST_UNWIND_STUBS ? count - first : RST_UNWIND_STUBS;
}

size_t rst_unwind_size(const struct rst_arch *arch, enum rst_nop nop, size_t count)
{
    const struct rst_stub *stub = &arch->stubs[nop];
    const size_t full = count / RST_UNWIND_STUBS, rest = count % RST_UNWIND_STUBS;

    return cie_size(arch) + full * fde_size(arch, stub, RST_UNWIND_STUBS) +
           (rest ? fde_size(arch, stub, rest) : 0) + END_SIZE;
}

/* An entry is padded with DW_CFA_nop, which is zero, and a fresh image's bytes are zero. */
static void cie_write(struct rst_writer *writer, const struct rst_arch *arch)
{
    size_t end = writer->at + cie_size(arch);

    rst_put32(writer, cie_size(arch) - LENGTH_SIZE);
    rst_put32(writer, 0); /* CIE_id */
    rst_put8(writer, 1);  /* version */
    rst_put_string(writer, "zR");
    rst_put8(writer, arch->code_align);
    rst_put8(writer, (uint8_t)arch->data_align & 0x7f); /* SLEB128 of one byte */
    rst_put8(writer, arch->return_register);
    rst_put8(writer, 1); /* size of the data that "R" adds, the next byte: */
    rst_put8(writer, DW_EH_PE_pcrel | DW_EH_PE_sdata4);
    rst_put_bytes(writer, arch->unwind, arch->unwind_size);
    writer->at = end;
}

/*
 * One stub's instructions after the other's. Each begins with an advance from the stub's start;
 * from the second on, that is one from where the stub before returns.
 */
static void fde_write(struct rst_writer *writer, const struct rst_arch *arch,
                      const struct rst_stub *stub, size_t count, size_t cie, uint64_t address)
{
    const size_t end = writer->at + fde_size(arch, stub, count);
    const size_t gap = (size_t)(stub->stride - stub->ret) / arch->code_align;

    rst_put32(writer, fde_size(arch, stub, count) - LENGTH_SIZE);
    rst_put32(writer, writer->at - cie);
    rst_put32(writer, address - writer->at);
    rst_put32(writer, (count - 1) * stub->stride + stub->size);
    rst_put8(writer, 0); /* no augmentation data */
    for (size_t i = 0; i < count; i++) {
        rst_put8(writer, stub->unwind[0] + (i > 0 ? gap : 0));
        rst_put_bytes(writer, stub->unwind + 1, stub->unwind_size - 1);
    }
    writer->at = end;
}

void rst_unwind_write(struct rst_writer *writer, const struct rst_arch *arch, enum rst_nop nop,
                      size_t count, uint64_t text)
{
    const struct rst_stub *stub = &arch->stubs[nop];
    const size_t cie = writer->at;

    cie_write(writer, arch);
    for (size_t i = 0; i < count; i += RST_UNWIND_STUBS)
        fde_write(writer, arch, stub, stubs_of(i, count), cie, text + i * stub->stride);
    rst_put32(writer, 0);
}

static size_t index_rows(size_t count)
{
    return (count + RST_UNWIND_STUBS - 1) / RST_UNWIND_STUBS;
}

size_t rst_unwind_index_size(size_t count)
{
    return INDEX_HEADER_SIZE + index_rows(count) * INDEX_ROW_SIZE;
}

void rst_unwind_index_write(struct rst_writer *writer, const struct rst_arch *arch,
                            enum rst_nop nop, size_t count, uint64_t text, uint64_t frames)
{
    const struct rst_stub *stub = &arch->stubs[nop];
    const size_t start = writer->at, full = fde_size(arch, stub, RST_UNWIND_STUBS);

    rst_put8(writer, 1);                                  /* version */
    rst_put8(writer, DW_EH_PE_pcrel | DW_EH_PE_sdata4);   /* of .eh_frame's address */
    rst_put8(writer, DW_EH_PE_udata4);                    /* of the number of rows */
    rst_put8(writer, DW_EH_PE_datarel | DW_EH_PE_sdata4); /* of the rows */
    rst_put32(writer, frames - writer->at);
    rst_put32(writer, index_rows(count));
    for (size_t i = 0; i < index_rows(count); i++) {
        rst_put32(writer, text + i * RST_UNWIND_STUBS * stub->stride - start);
        rst_put32(writer, frames + cie_size(arch) + i * full - start);
    }
}
