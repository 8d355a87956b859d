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

static size_t fde_size(const struct rst_arch *arch, const struct rst_stub *stub)
{
    return entry_size(arch, FDE_FIXED_SIZE + stub->unwind_size);
}

size_t rst_unwind_size(const struct rst_arch *arch, enum rst_nop nop, size_t count)
{
    return cie_size(arch) + count * fde_size(arch, &arch->stubs[nop]) + END_SIZE;
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

static void fde_write(struct rst_writer *writer, const struct rst_arch *arch,
                      const struct rst_stub *stub, size_t cie, uint64_t address)
{
    size_t end = writer->at + fde_size(arch, stub);

    rst_put32(writer, fde_size(arch, stub) - LENGTH_SIZE);
    rst_put32(writer, writer->at - cie);
    rst_put32(writer, address - writer->at);
    rst_put32(writer, stub->size);
    rst_put8(writer, 0); /* no augmentation data */
    rst_put_bytes(writer, stub->unwind, stub->unwind_size);
    writer->at = end;
}

void rst_unwind_write(struct rst_writer *writer, const struct rst_arch *arch, enum rst_nop nop,
                      size_t count, uint64_t text)
{
    const struct rst_stub *stub = &arch->stubs[nop];
    size_t cie = writer->at;

    cie_write(writer, arch);
    for (size_t i = 0; i < count; i++)
        fde_write(writer, arch, stub, cie, text + i * stub->stride);
    rst_put32(writer, 0);
}

size_t rst_unwind_index_size(size_t count)
{
    return INDEX_HEADER_SIZE + count * INDEX_ROW_SIZE;
}

void rst_unwind_index_write(struct rst_writer *writer, const struct rst_arch *arch,
                            enum rst_nop nop, size_t count, uint64_t text, uint64_t frames)
{
    const struct rst_stub *stub = &arch->stubs[nop];
    size_t start = writer->at;

    rst_put8(writer, 1);                                  /* version */
    rst_put8(writer, DW_EH_PE_pcrel | DW_EH_PE_sdata4);   /* of .eh_frame's address */
    rst_put8(writer, DW_EH_PE_udata4);                    /* of the number of rows */
    rst_put8(writer, DW_EH_PE_datarel | DW_EH_PE_sdata4); /* of the rows */
    rst_put32(writer, frames - writer->at);
    rst_put32(writer, count);
    for (size_t i = 0; i < count; i++) {
        rst_put32(writer, text + i * stub->stride - start);
        rst_put32(writer, frames + cie_size(arch) + i * fde_size(arch, stub) - start);
    }
}
