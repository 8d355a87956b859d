/* SPDX-License-Identifier: MIT */
/*
 * Strings that a tracer can read.
 *
 * A tracer's program in the kernel (bpftrace, bcc, any BPF program that may not sleep) reads the
 * fired process's memory with page faults off: of a page that this process has not touched yet it
 * sees nothing, even if the page is in the page cache. A page of a mapped file, a literal far from
 * what has run so far, what a forked child has not read yet: all of these are valid strings that
 * would show as "".
 */
#ifndef RST_RESIDENT_H
#define RST_RESIDENT_H

#include <stdint.h>

/*
 * Make the page at `address` resident, and the next if the address is near the page's end.
 * Whatever the address is, this crashes nothing, and leaves errno as it is. It takes no lock and no
 * memory, but waits for what serves the page, as any read of it would.
 */
void rst_resident_make(uint64_t address);

/* In the child after a fork, which has fewer pages than its parent. */
void rst_resident_forked_child(void);

#endif
