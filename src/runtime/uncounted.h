/* SPDX-License-Identifier: MIT */
/*
 * Tracers that a semaphore has lost.
 *
 * A program that drops the page of a semaphore (madvise(MADV_DONTNEED), as checkpointers do) reads
 * zeros there although a tracer is attached. The kernel counts the tracer in again only when it
 * puts its breakpoint into text that is newly mapped. What shows the loss is a site that is watched
 * while its semaphore is zero, which the kernel never leaves so by itself.
 */
#ifndef RST_UNCOUNTED_H
#define RST_UNCOUNTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"

/* Sites of an object, and their semaphores. */
struct rst_sites {
    const struct rst_arch *arch;
    enum rst_nop nop;
    size_t count;
    const uint8_t *stubs, *semaphores;
};

/*
 * Which sites are watched and uncounted, as a number: 0 if none is, and the same for the same ones.
 * A tracer that names no semaphore leaves its site so for as long as it watches.
 */
uint64_t rst_uncounted(const struct rst_sites *sites);

/* Whether a debugger has this process, or may have: mapping text afresh would lose the breakpoints
 * that the debugger has written into memory. */
bool rst_is_debugged(void);

#endif
