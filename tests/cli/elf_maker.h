/* SPDX-License-Identifier: MIT */
/*
 * Small ELF files with probes, of either class and byte order, good ones and such as nobody's
 * linker makes: what the reader's tests, and its fuzzer's first inputs, are made of.
 *
 *     0        ELF header, one program header: all of the file, from address `bias` on
 *     ...      .stapsdt.base (1 byte), .probes (2 bytes each), .text
 *     ...      .note.stapsdt, .note.librst, .shstrtab, section headers
 */
#ifndef TEST_ELF_MAKER_H
#define TEST_ELF_MAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct maker_probe {
    const char *provider, *name, *operands;
    const char *signature; /* NULL: no note of librst's */
    uint64_t site_offset;  /* in .text */
    bool has_semaphore;
    uint64_t site_address, descriptor; /* if not 0: instead of what is right; descsz */
};

struct maker_spec {
    bool is_32, is_big_endian;
    uint16_t type, machine;
    uint64_t bias;  /* address less offset, of all */
    uint64_t moved; /* how far the notes' addresses lag behind, as after prelink */
    const struct maker_probe *probes;
    size_t count;
};

#define MAKER_ROOM 8192

/* Where the parts came to be, for who wants to spoil them. */
struct maker_file {
    uint8_t bytes[MAKER_ROOM];
    size_t size;
    uint64_t base, probes, text, stapsdt, librst, names, sections;
    uint64_t stapsdt_size;
};

void maker_make(const struct maker_spec *spec, struct maker_file *ret);

/* Put a number of `size` bytes there, in the file's byte order. */
void maker_put(struct maker_file *file, const struct maker_spec *spec, uint64_t at, uint64_t value,
               size_t size);

#endif
