/* SPDX-License-Identifier: MIT */
#include "image/note.h"

#define ALIGN 4
#define HEADER_SIZE (3 * sizeof(uint32_t))

static const char stapsdt_name[] = "stapsdt";
static const char rst_name[] = "rst";

static size_t note_size(size_t name_size, size_t description_size)
{
    return HEADER_SIZE + (size_t)(rst_align(name_size, ALIGN) + rst_align(description_size, ALIGN));
}

void rst_note_header_write(struct rst_writer *writer, const char *name, size_t description_size,
                           uint32_t type)
{
    rst_put32(writer, strlen(name) + 1);
    rst_put32(writer, description_size);
    rst_put32(writer, type);
    rst_put_string(writer, name);
    rst_put_padding(writer, ALIGN);
}

static size_t address_size(const struct rst_arch *arch)
{
    return arch->is_64_bit ? sizeof(uint64_t) : sizeof(uint32_t);
}

/* The operand of an argument without its prefix. Gives its length. */
static size_t operand(const struct rst_arch *arch, const struct rst_signature *signature,
                      size_t index, char ret[RST_OPERAND_ROOM])
{
    const char *prefix = rst_types[signature->types[index]].prefix;

    return rst_operand(arch, index, (unsigned)(prefix[*prefix == '-'] - '0'), ret);
}

/* The arguments' length without a NUL: "8@%rdi -4@%rsi". */
static size_t arguments_length(const struct rst_arch *arch, const struct rst_signature *signature)
{
    size_t length = signature->count ? signature->count - 1 : 0; /* the blanks between */
    char text[RST_OPERAND_ROOM];

    for (size_t i = 0; i < signature->count; i++)
        length += strlen(rst_types[signature->types[i]].prefix) + operand(arch, signature, i, text);
    return length;
}

/* The size must be exact: gdb, bcc and SystemTap refuse a note with bytes after the last NUL. */
static size_t stapsdt_description_size(const struct rst_arch *arch, const char *provider,
                                       const struct rst_description *probe)
{
    return 3 * address_size(arch) + strlen(provider) + 1 + strlen(probe->name) + 1 +
           arguments_length(arch, &probe->signature) + 1;
}

size_t rst_note_stapsdt_size(const struct rst_arch *arch, const char *provider,
                             const struct rst_description *probe)
{
    return note_size(sizeof(stapsdt_name), stapsdt_description_size(arch, provider, probe));
}

void rst_note_stapsdt_write(struct rst_writer *writer, const struct rst_arch *arch,
                            const char *provider, const struct rst_description *probe,
                            uint64_t site, uint64_t base, uint64_t semaphore)
{
    const struct rst_signature *signature = &probe->signature;
    char text[RST_OPERAND_ROOM];

    rst_note_header_write(writer, stapsdt_name, stapsdt_description_size(arch, provider, probe),
                          RST_NOTE_STAPSDT_TYPE);
    rst_put_address(writer, site);
    rst_put_address(writer, base);
    rst_put_address(writer, semaphore);
    rst_put_string(writer, provider);
    rst_put_string(writer, probe->name);
    for (size_t i = 0; i < signature->count; i++) {
        if (i > 0)
            rst_put_text(writer, " ");
        rst_put_text(writer, rst_types[signature->types[i]].prefix);
        rst_put_bytes(writer, text, operand(arch, signature, i, text));
    }
    rst_put_string(writer, "");
    rst_put_padding(writer, ALIGN);
}

static size_t signatures_description_size(const struct rst_description *const *probes, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += rst_signature_short_size(&probes[i]->signature);
    return size;
}

size_t rst_note_signatures_size(const struct rst_description *const *probes, size_t count)
{
    return note_size(sizeof(rst_name), signatures_description_size(probes, count));
}

void rst_note_signatures_write(struct rst_writer *writer,
                               const struct rst_description *const *probes, size_t count)
{
    rst_note_header_write(writer, rst_name, signatures_description_size(probes, count),
                          RST_NOTE_SIGNATURES_TYPE);
    for (size_t i = 0; i < count; i++) {
        char *at = (char *)writer->bytes + writer->at;

        writer->at += (size_t)(rst_signature_shorten(&probes[i]->signature, at) - at);
    }
}
