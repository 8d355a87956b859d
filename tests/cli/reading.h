/* SPDX-License-Identifier: MIT */
/*
 * Made files, read by the reader under test.
 */
#ifndef TEST_READING_H
#define TEST_READING_H

#include "cli/usdt/usdt.h"
#include "elf_maker.h"

/* Three probes: shop:order and shop:closed as librst has them, and other:plain. */
extern const struct maker_spec plain;

/* A file in memory of these bytes; close() it. */
int file_of(const void *bytes, size_t size);

/* Gives usdt_read()'s outcome. */
int read_made(const struct maker_file *made, struct usdt_file *ret);

/* Read what must be readable. */
struct usdt_file read_good(const struct maker_file *made);

#endif
