/* SPDX-License-Identifier: MIT */
/*
 * Small ELF files with probes, for 32 and 64 bits and both byte orders. Some are valid, some are
 * files that no linker makes. The reader's tests use them, and its fuzzer starts from them.
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
    const char *signature; /* in the short form; no .note.librst if all are NULL */
    uint64_t site_offset;  /* offset in .text */
    bool has_semaphore;
    uint64_t site_address, descriptor; /* if not 0, instead of the right address and descsz */
};

struct maker_spec {
    bool is_32, is_big_endian;
    uint16_t type, machine;
    uint64_t bias;  /* address minus offset, for all of the file */
    uint64_t moved; /* how far the notes' addresses lag behind, as after prelink */
    const struct maker_probe *probes;
    size_t count;
};

#define MAKER_ROOM 8192

/* A made file, and where its parts are, for tests that damage them. */
struct maker_file {
    uint8_t bytes[MAKER_ROOM];
    size_t size;
    uint64_t base, probes, text, stapsdt, librst, names, sections;
    uint64_t stapsdt_size;
};

void maker_make(const struct maker_spec *spec, struct maker_file *ret);

/* Write a number of `size` bytes at `at`, in the file's byte order. */
void maker_put(struct maker_file *file, const struct maker_spec *spec, uint64_t at, uint64_t value,
               size_t size);

#endif
