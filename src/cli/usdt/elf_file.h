/* SPDX-License-Identifier: MIT */
/*
 * The parts of an ELF file that lead to its probes, read with libelf and checked.
 */
#ifndef CLI_ELF_FILE_H
#define CLI_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A loaded segment: which addresses are at which offsets. */
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
    struct elf_load *loads; /* by address */
    size_t load_count;
    bool has_base;
    uint64_t base; /* the address of .stapsdt.base */

    /* The sections of notes, by which they are. */
    struct elf_section *notes[ELF_SECTION_NAMES];
    size_t note_counts[ELF_SECTION_NAMES];
};

/*
 * `most_bytes` is how many bytes of sections may be kept. Gives 0 or a negative errno; `ret` is
 * untouched on failure.
 */
int elf_file_read(int fd, const char *name, uint64_t most_bytes, struct elf_file *ret);

/* The number of that size at `at`, in a file of that order of bytes. */
uint64_t elf_number(bool big_endian, const char *at, size_t size);

/* Free all but the sections of notes, which are the caller's by now. */
void elf_file_free(struct elf_file *file);

/* The offset in the file of an address. Gives whether there is one. */
bool elf_file_offset(const struct elf_file *file, uint64_t address, uint64_t *ret);

#endif
