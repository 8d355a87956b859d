/* SPDX-License-Identifier: MIT */
#include "image/symbols.h"

#include <elf.h>

static size_t name_size(const struct rst_image_spec *spec, size_t probe)
{
    return strlen(spec->provider) + strlen("__") + strlen(spec->probes[probe]->name) + 1;
}

uint64_t rst_dynsym_size(const struct rst_image_spec *spec)
{
    return (spec->count + RST_FIRST_GLOBAL) *
           (spec->arch->is_64_bit ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym));
}

/* Elf32_Sym and Elf64_Sym have the same fields, in another order. */
static void symbol_write(struct rst_writer *writer, uint64_t name, uint8_t info, uint16_t section,
                         uint64_t value, uint64_t size)
{
    const bool is_64_bit = writer->address_size == 8;

    rst_put32(writer, name);
    if (!is_64_bit) {
        rst_put_address(writer, value);
        rst_put_address(writer, size);
    }
    rst_put8(writer, info);
    rst_put8(writer, STV_DEFAULT);
    rst_put16(writer, section);
    if (is_64_bit) {
        rst_put_address(writer, value);
        rst_put_address(writer, size);
    }
}

void rst_dynsym_write(struct rst_writer *writer, const struct rst_image_spec *spec,
                      uint16_t section, uint64_t text)
{
    const struct rst_stub *stub = &spec->arch->stubs[spec->nop];
    uint64_t name = 1;

    symbol_write(writer, 0, 0, SHN_UNDEF, 0, 0);
    for (size_t i = 0; i < spec->count; i++) {
        symbol_write(writer, name, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), section,
                     text + i * stub->stride, stub->size);
        name += name_size(spec, i);
    }
}

uint64_t rst_dynstr_size(const struct rst_image_spec *spec)
{
    uint64_t size = 1;

    for (size_t i = 0; i < spec->count; i++)
        size += name_size(spec, i);
    return size;
}

void rst_dynstr_write(struct rst_writer *writer, const struct rst_image_spec *spec)
{
    rst_put_string(writer, "");
    for (size_t i = 0; i < spec->count; i++) {
        rst_put_text(writer, spec->provider);
        rst_put_text(writer, "__");
        rst_put_string(writer, spec->probes[i]->name);
    }
}

/*
 * About 64 symbols to a bucket: symbols are rarely looked up, and buckets take room in the
 * image. DT_GNU_HASH would take as much, and its symbols would have to be sorted by bucket.
 */
static size_t bucket_count(const struct rst_image_spec *spec)
{
    return spec->count / 64 + 1;
}

/* Two counts, the buckets, then one chain entry for each symbol. */
uint64_t rst_hash_size(const struct rst_image_spec *spec)
{
    size_t chains = spec->count + RST_FIRST_GLOBAL;

    return (2 + bucket_count(spec) + chains) * spec->arch->hash_word_size;
}

/* The ABI's hash function. Pass an earlier result as `value` to continue with more of the name. */
static uint32_t hash(uint32_t value, const char *text)
{
    for (; *text; text++) {
        value = (value << 4) + (unsigned char)*text;
        value ^= (value & 0xf0000000) >> 24;
        value &= 0x0fffffff;
    }
    return value;
}

/*
 * Each symbol becomes the first of its bucket, and its chain entry the one that was first before.
 */
void rst_hash_write(struct rst_writer *writer, const struct rst_image_spec *spec)
{
    const size_t word = spec->arch->hash_word_size;
    uint32_t prefix = hash(hash(0, spec->provider), "__");
    size_t buckets, chains;

    rst_put(writer, bucket_count(spec), word);
    rst_put(writer, spec->count + RST_FIRST_GLOBAL, word);
    buckets = writer->at;
    chains = buckets + bucket_count(spec) * word;
    for (size_t i = 0; i < spec->count; i++) {
        size_t symbol = i + RST_FIRST_GLOBAL;
        uint32_t value = hash(prefix, spec->probes[i]->name);
        size_t bucket = buckets + value % bucket_count(spec) * word;

        memcpy(writer->bytes + chains + symbol * word, writer->bytes + bucket, word);
        writer->at = bucket;
        rst_put(writer, symbol, word);
    }
}
