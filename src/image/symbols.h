/* SPDX-License-Identifier: MIT */
/*
 * The image's symbols: one function per probe, named provider__probe, and the hash table by which
 * the dynamic linker finds it (System V ABI, chapters 4 and 5). librst itself finds the stubs by
 * their offsets; the symbols are for tracers' stacks and for people.
 */
#ifndef RST_SYMBOLS_H
#define RST_SYMBOLS_H

#include <stdint.h>

#include "image/spec.h"
#include "image/writer.h"

/* Symbol 0 is the null symbol; probe i has symbol i + 1. */
#define RST_FIRST_GLOBAL 1

uint64_t rst_dynsym_size(const struct rst_image_spec *spec);
uint64_t rst_dynstr_size(const struct rst_image_spec *spec);
uint64_t rst_hash_size(const struct rst_image_spec *spec);

/* `section` is the number of the section with the stubs, `text` its address. */
void rst_dynsym_write(struct rst_writer *writer, const struct rst_image_spec *spec,
                      uint16_t section, uint64_t text);
void rst_dynstr_write(struct rst_writer *writer, const struct rst_image_spec *spec);
void rst_hash_write(struct rst_writer *writer, const struct rst_image_spec *spec);

#endif
