/* SPDX-License-Identifier: MIT */
/*
 * The parts of an ELF file that lead to its probes, read with libelf and checked.
 */
#ifndef CLI_ELF_FILE_H
#define CLI_ELF_FILE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A loaded segment: a range of addresses, and where it is in the file. */
struct elf_load {
    uint64_t address, offset, size;
};

struct elf_file {
    Elf *elf; /* has the bytes that were read; the file need not stay open */
    uint16_t type, machine;
    bool big_endian, has_interpreter;
    size_t address_size; /* 4 or 8 */
    struct elf_load *loads;
    size_t load_count;
    uint64_t left; /* how many bytes of sections may still be read: no valid file has more */
};

/*
 * Read the headers. At most `most_bytes` bytes of sections can be read after that. Gives 0 or a
 * negative errno; `ret` is untouched on failure.
 */
int elf_file_read(int fd, const char *name, uint64_t most_bytes, struct elf_file *ret);
void elf_file_free(struct elf_file *file);

/* Read a section. Gives 0 or -EBADMSG. */
int elf_file_section(struct elf_file *file, const char *name, Elf_Scn *section, Elf_Data **ret);

/* Keep a message with libelf's words for its last error. Gives -EBADMSG. */
int elf_fail(const char *name);

/* The number of `size` bytes at `at`, in the file's byte order. */
uint64_t elf_number(bool big_endian, const char *at, size_t size);

/* Convert an address to an offset in the file. Gives whether it is in a loaded segment. */
bool elf_file_offset(const struct elf_file *file, uint64_t address, uint64_t *ret);

/* -------------------------------------------------------------------------------- symbols -- */

/* The symbols that have an address, for operands that name one. */
struct usdt_symbols;

/*
 * Read .symtab, or .dynsym if there is none; no symbol is known if the file has neither. Gives NULL
 * if it can't be read.
 */
struct usdt_symbols *usdt_symbols_read(int fd);
void usdt_symbols_free(struct usdt_symbols *symbols); /* NULL is allowed */

/*
 * How far a symbol is, in memory, from the byte at an offset in the file. Gives false if there is
 * no such symbol, or if several of that name have different addresses.
 */
bool usdt_symbols_distance(const struct usdt_symbols *symbols, const char *name, size_t length,
                           uint64_t offset, int64_t *ret);

#endif
