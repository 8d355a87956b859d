/* SPDX-License-Identifier: MIT */
/*
 * ELF notes: how a tracer learns of a probe.
 *
 * A note is three 32-bit words (the sizes of name and description, and a type), then the name and
 * the description, each padded to 4 bytes. librst writes one for each probe, and one for all:
 *
 *     .note.stapsdt, name "stapsdt", type 3: every tracer reads this one. Its description is the
 *     addresses of the site, of .stapsdt.base and of the semaphore, then three strings: provider,
 *     probe, and the arguments as "SIZE@OPERAND ...".
 *     (https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation)
 *
 *     .note.librst, one note for all probes, name "rst", type 2: tools that know librst read this
 *     one as well, to show arguments by name and true type. Its description is each probe's
 *     signature in its short form, as a string, in the order of the notes in .note.stapsdt.
 */
#ifndef RST_NOTE_H
#define RST_NOTE_H

#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "image/signature.h"
#include "image/writer.h"

#define RST_NOTE_STAPSDT_TYPE 3
#define RST_NOTE_SIGNATURES_TYPE 2

size_t rst_note_stapsdt_size(const struct rst_arch *arch, const char *provider,
                             const struct rst_description *probe);
void rst_note_stapsdt_write(struct rst_writer *writer, const struct rst_arch *arch,
                            const char *provider, const struct rst_description *probe,
                            uint64_t site, uint64_t base, uint64_t semaphore);

size_t rst_note_signatures_size(const struct rst_description *const *probes, size_t count);
void rst_note_signatures_write(struct rst_writer *writer,
                               const struct rst_description *const *probes, size_t count);

/* A note's three words and its name; the description follows. */
void rst_note_header_write(struct rst_writer *writer, const char *name, size_t description_size,
                           uint32_t type);

#endif
