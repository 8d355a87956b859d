/* SPDX-License-Identifier: MIT */
/*
 * A trace in the kernel: its maps, its programs, and their attachments. Needs Linux 5.8, BPF and
 * the right to use both.
 *
 *     emitter.c  makes programs, which is pure: records; with count.c, filter.c, value.c for
 *                arguments, slot.c for their memory, and insn.c for instructions
 *     kernel.c   asks the kernel what it can do; explains why it refuses
 *     load.c     maps and programs
 *     attach.c   sites to links; overlay.c: files that are one for the kernel
 *     ring.c     reads the ring buffer and the counts; record.c: a record to an event
 */
#ifndef CLI_TRACE_BPF_H
#define CLI_TRACE_BPF_H

#include <linux/bpf.h>

#include "cli/trace/bpf/record.h"

/* What all programs of a trace have in common. */
struct program_options {
    enum trace_mode mode;
    bool stack;
    size_t string_bytes;
    bool sleepable; /* may fault pages in, bpf_copy_from_user(): Linux 6.0 */
    bool by_cookie; /* the variant's number is the attachment's cookie; else a constant */
    uint64_t pid_device, pid_inode; /* rst's PID namespace; 0: the initial one */
    int ring, counters, counts;     /* descriptors of the maps */
    bool string_keys;               /* COUNT_KEY_SIZE() */
    int slots; /* a map's descriptor: an array of one value, struct slot[slot_cpus][SLOTS_OF_CPU] */
    size_t slot_cpus; /* 0: programs work on the BPF stack, without such a map */
};

/* The memory of one run of a program: see slot.c. */
struct slot {
    uint64_t taken;
    uint64_t
        place; /* the slot's, in bytes from the map's start: rst sets it before it loads programs */
    uint8_t bytes[512];
};

/* Of each CPU: how many runs may be under way, because they were preempted or sleep. */
#define SLOTS_OF_CPU 16

/* Those that follow from the plan. */
struct program_options program_options_of(const struct plan *plan);

struct program {
    struct bpf_insn *list; /* free() it */
    size_t count;
};

/*
 * Emit the program of a variant: the same bytes for the same input, straight on but for forward
 * jumps, and as long as the arguments and the filter make it. Gives 0, or -E2BIG if it would be
 * longer than the kernel takes.
 */
int program_emit(const struct plan *plan, size_t variant, const struct program_options *options,
                 struct program *ret);

/* What this kernel can do (kernel.c finds out by asking it). */
struct bpf_kernel {
    bool private_stacks; /* perhaps: programs must not work on the stack (6.13; see slot.c) */
    bool multi;          /* uprobe-multi links, with a filter by process that works (6.6) */
    bool sleepable;      /* uprobe programs that may fault pages in (6.0) */
};

/* The functions below that give int give a negative errno on failure, with a message. */

/* Whether a program can be loaded here; the message says what to use instead. */
int bpf_try(struct bpf_kernel *ret);

struct bpf;

/* Make the maps and load a program for each variant, those with equal bytes once. */
int bpf_load(const struct plan *plan, struct bpf **ret);

/* Attach to every site. A process that has exited is skipped. Fails if nothing could be attached.
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

/* Hand every record that is in the ring buffer to `take`, within whose call it is valid. */
typedef void bpf_take(void *context, const void *bytes, size_t size);
void bpf_read(struct bpf *bpf, bpf_take *take, void *context);
bool bpf_is_empty(const struct bpf *bpf); /* no record is there, or being written */

uint64_t bpf_lost(const struct bpf *bpf);      /* hits that had no room in the ring buffer */
uint64_t bpf_uncounted(const struct bpf *bpf); /* hits that had no room in the map of counts */
uint64_t bpf_crowded(const struct bpf *bpf);   /* hits that had no slot to work in */

/* Hand every count, of all CPUs together, to `take`. Without --hist, there is only the count. */
typedef void bpf_take_count(void *context, const struct count_key *key,
                            const struct count_sum *sum);
int bpf_counts(struct bpf *bpf, bpf_take_count *take, void *context);

#endif
