/* SPDX-License-Identifier: MIT */
/*
 * The parts of an ELF file that lead to its probes, read with libelf and checked.
 */
#ifndef CLI_ELF_FILE_H
#define CLI_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A loaded segment: a range of addresses, and where it is in the file. */
struct elf_load {
    uint64_t address, offset, size;
};

struct elf_section {
    char *bytes;
    size_t size;
};

enum elf_section_name { ELF_STAPSDT, ELF_LIBRST, ELF_SECTION_NAMES };

struct elf_file {
    uint16_t type, machine;
    bool big_endian, has_interpreter;
    size_t address_size;    /* 4 or 8 */
    struct elf_load *loads; /* sorted by address */
    size_t load_count;
    bool has_base;
    uint64_t base; /* the address of .stapsdt.base */

    /* The sections with notes, by name. */
    struct elf_section *notes[ELF_SECTION_NAMES];
    size_t note_counts[ELF_SECTION_NAMES];
};

/*
 * At most `most_bytes` bytes of sections are kept. Gives 0 or a negative errno; `ret` is untouched
 * on failure.
 */
int elf_file_read(int fd, const char *name, uint64_t most_bytes, struct elf_file *ret);

/* The number of `size` bytes at `at`, in the file's byte order. */
uint64_t elf_number(bool big_endian, const char *at, size_t size);

/* Free everything except the sections with notes, which the caller has taken over. */
void elf_file_free(struct elf_file *file);

/* Convert an address to an offset in the file. Gives whether it is in a loaded segment. */
bool elf_file_offset(const struct elf_file *file, uint64_t address, uint64_t *ret);

#endif
