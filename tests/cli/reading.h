/* SPDX-License-Identifier: MIT */
/*
 * Reads made files with the reader under test.
 */
#ifndef TEST_READING_H
#define TEST_READING_H

#include "cli/usdt/usdt.h"
#include "elf_maker.h"

/* Three probes: shop:order and shop:closed like librst's, and other:plain. */
extern const struct maker_spec plain;

/* An open file in memory with these bytes; close() it. */
int file_of(const void *bytes, size_t size);

/* Gives the result of usdt_read(). */
int read_made(const struct maker_file *made, struct usdt_file *ret);

/* Read a file that must be readable. */
struct usdt_file read_good(const struct maker_file *made);

#endif
