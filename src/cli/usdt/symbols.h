/* SPDX-License-Identifier: MIT */
/*
 * The symbols of an ELF file that have an address, for operands that name one.
 */
#ifndef CLI_SYMBOLS_H
#define CLI_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
