/* SPDX-License-Identifier: MIT */
/*
 * Unwind tables: how a debugger walks from a stub to its caller.
 *
 * .eh_frame is one CIE, which describes the state on entry to every stub, then FDEs, then a zero.
 * .eh_frame_hdr is an index of the FDEs, sorted by address. The Linux Standard
 * Base describes both (https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/
 * LSB-Core-generic/ehframechpt.html); the encodings are those that GNU ld writes.
 *
 * An FDE is for a function, but it may be for several that lie one after the other, if the state at
 * the end of one is that on entry to the next: a compiler's FDE for a function with several returns
 * looks the same. So each is for RST_UNWIND_STUBS stubs, which saves the head and the row of the
 * index that each stub would have. An unwinder runs an FDE's instructions from its start, so it
 * can't be for all stubs.
 */
#ifndef RST_UNWIND_H
#define RST_UNWIND_H

#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "image/writer.h"

#define RST_UNWIND_STUBS 64

size_t rst_unwind_size(const struct rst_arch *arch, enum rst_nop nop, size_t count);

/* Write .eh_frame for `count` stubs that start at address `text`, at the writer's position. */
void rst_unwind_write(struct rst_writer *writer, const struct rst_arch *arch, enum rst_nop nop,
                      size_t count, uint64_t text);

size_t rst_unwind_index_size(size_t count);

/* Write .eh_frame_hdr for an .eh_frame at address `frames`. */
void rst_unwind_index_write(struct rst_writer *writer, const struct rst_arch *arch,
                            enum rst_nop nop, size_t count, uint64_t text, uint64_t frames);

#endif
