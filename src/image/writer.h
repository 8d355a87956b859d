/* SPDX-License-Identifier: MIT */
/*
 * A cursor over the image's bytes. Only this file writes numbers in the image's byte order and the
 * size of its addresses, whatever those of the machine that runs the code.
 */
#ifndef RST_WRITER_H
#define RST_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rst_writer {
    uint8_t *bytes;
    size_t at;
    bool big_endian;
    uint8_t address_size; /* 4 or 8 */
};

static inline void rst_put(struct rst_writer *writer, uint64_t value, size_t size)
{
    uint8_t *at = writer->bytes + writer->at;

    /* Two loops, each of which compilers make one store of. */
    if (writer->big_endian)
        for (size_t i = 0; i < size; i++)
            at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    else
        for (size_t i = 0; i < size; i++)
            at[i] = (uint8_t)(value >> (8 * i));
    writer->at += size;
}

static inline void rst_put8(struct rst_writer *writer, uint64_t value)
{
    rst_put(writer, value, 1);
}

static inline void rst_put16(struct rst_writer *writer, uint64_t value)
{
    rst_put(writer, value, 2);
}

static inline void rst_put32(struct rst_writer *writer, uint64_t value)
{
    rst_put(writer, value, 4);
}

static inline void rst_put64(struct rst_writer *writer, uint64_t value)
{
    rst_put(writer, value, 8);
}

/* An address, or any other number that has an address' size. */
static inline void rst_put_address(struct rst_writer *writer, uint64_t value)
{
    rst_put(writer, value, writer->address_size);
}

static inline void rst_put_bytes(struct rst_writer *writer, const void *bytes, size_t size)
{
    memcpy(writer->bytes + writer->at, bytes, size);
    writer->at += size;
}

/* A string without its NUL, so that several can be joined. */
static inline void rst_put_text(struct rst_writer *writer, const char *text)
{
    rst_put_bytes(writer, text, strlen(text));
}

/* A string and its NUL. */
static inline void rst_put_string(struct rst_writer *writer, const char *text)
{
    rst_put_bytes(writer, text, strlen(text) + 1);
}

static inline uint64_t rst_align(uint64_t value, uint64_t alignment)
{
    return (value + alignment - 1) / alignment * alignment;
}

/* A fresh image's bytes are zero, so padding only moves the cursor. */
static inline void rst_put_padding(struct rst_writer *writer, size_t alignment)
{
    writer->at = (size_t)rst_align(writer->at, alignment);
}

#endif
