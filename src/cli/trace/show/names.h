/* SPDX-License-Identifier: MIT */
/* Names for stack.c. How much a process or file can make rst read and keep is limited. */
#ifndef CLI_TRACE_NAMES_H
#define CLI_TRACE_NAMES_H

#include "cli/trace/show/show.h"

/* Addresses that belong to something. */
struct range {
    uint64_t start, end;
    uint32_t rank, item; /* item: says to what */
    uint64_t offset;     /* of its start, in a file */
};

struct ranges {
    struct range *list;
    size_t count, sorted; /* sorted: how many at the start are, and can be found */
};

/* An empty range ends where the next one starts. Beyond 4 million ranges, nothing is added. */
void ranges_add(struct ranges *ranges, struct range range);
void ranges_sort(struct ranges *ranges);

/* Of those that have the address, and that start closest to it, the one of the highest rank. */
const struct range *ranges_find(const struct ranges *ranges, uint64_t address);

/*
 * Add a symbol's name without its version ("@GLIBC_2.34"). A name of C++ or Rust becomes that of
 * the source, without the types of its parameters: "_ZN4shop5orderEi" is "shop::order". One with a
 * template's arguments or an operator stays as it is.
 */
void function_name(struct text *ret, const char *symbol);

struct module;

/* A file that processes have mapped. Takes the descriptor; -1: the file has no names. */
struct module *module_new(int fd);
void module_free(struct module *module);

/*
 * Fill the function, the offset, the file and the line for what is at `offset` in the file. What is
 * not known stays as it is, but for the offset. The strings are valid until the next call.
 */
void module_frame(struct module *module, uint64_t offset, struct frame *ret);

#endif
