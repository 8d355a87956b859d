/* SPDX-License-Identifier: MIT */
/*
 * A trace in the kernel: its maps, its programs, and their attachments. Needs Linux 5.8, BPF and
 * the right to use both.
 */
#ifndef CLI_TRACE_BPF_H
#define CLI_TRACE_BPF_H

#include "cli/trace/bpf/record.h"
#include "cli/trace/plan/plan.h"

/* What this kernel can do (kernel.c finds out by asking it). */
struct bpf_kernel {
    bool multi;     /* uprobe-multi links, with a filter by process that works (6.6) */
    bool sleepable; /* uprobe programs that may fault pages in (6.0) */
};

/*
 * Whether a program can be loaded here. Gives a negative errno, with a message for rst_error() that
 * says what to use instead.
 */
int bpf_try(struct bpf_kernel *ret);

struct bpf;

/*
 * Make the maps and load a program for each variant, those with equal bytes once. Gives a negative
 * errno, with a message for rst_error() that says what to use instead.
 */
int bpf_load(const struct plan *plan, struct bpf **ret);

/*
 * Attach to every site. A process that has exited is skipped. Gives a negative errno and a message
 * if nothing could be attached.
 */
int bpf_attach(struct bpf *bpf);

/*
 * Detach from every site; the maps stay readable. Without uprobe-multi links, hits may come until
 * the process has ended, and a little longer.
 */
void bpf_detach(struct bpf *bpf);
void bpf_free(struct bpf *bpf); /* NULL is allowed */

/* A descriptor for poll(): readable when there are records. */
int bpf_descriptor(const struct bpf *bpf);

/*
 * Hand every record that is in the ring buffer to `take`. The bytes are valid only within the call.
 */
typedef void bpf_take(void *context, const void *bytes, size_t size);
void bpf_read(struct bpf *bpf, bpf_take *take, void *context);
bool bpf_is_empty(const struct bpf *bpf); /* no record is there, or being written */

uint64_t bpf_lost(const struct bpf *bpf);      /* hits that had no room in the ring buffer */
uint64_t bpf_uncounted(const struct bpf *bpf); /* hits that had no room in the map of counts */

/* Hand every count to `take`, summed over the CPUs. Gives 0 or a negative errno. */
typedef void bpf_take_count(void *context, const struct count_key *key, uint64_t count);
int bpf_counts(struct bpf *bpf, bpf_take_count *take, void *context);

#endif
