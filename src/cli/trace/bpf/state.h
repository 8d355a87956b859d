/* SPDX-License-Identifier: MIT */
/* What the files that talk to the kernel share of a trace. */
#ifndef CLI_TRACE_STATE_H
#define CLI_TRACE_STATE_H

#include "cli/base/command.h"
#include "cli/trace/bpf/bpf.h"
#include "error.h"

struct loaded_program {
    struct program code;
    int fd;
};

struct bpf {
    const struct plan *plan;
    struct bpf_kernel kernel;
    struct program_options options; /* with the maps */
    bool keyed;                     /* counts are a hash map */
    uint64_t *counters;             /* mapped */

    /* The ring buffer, as the kernel maps it. */
    size_t ring_size;
    void *consumer; /* a page of its own, in which rst writes how far it has read */
    const void *producer;
    bool is_narrow; /* both numbers have 32 bits, as a kernel of 32 bits writes them */
    void *whole;    /* a record that wraps around the buffer's end */

    struct loaded_program *programs;
    size_t program_count;
    size_t *program_of; /* the program of each variant */
    int *links;
    size_t link_count, closed;
};

/*
 * Ask this kernel. Gives a negative errno with a message if it is too old. RST_TRACE_ATTACH=perf in
 * the environment hides uprobe-multi links, so that tests can try the other way.
 */
int bpf_kernel_ask(struct bpf_kernel *ret);

/* Explain why the kernel has refused `what`. Gives -error, with a message for rst_error(). */
int bpf_refused(int error, const char *what);

/* These give a descriptor or a negative errno. `log` may be NULL; `pid` 0: in every process. */
int bpf_load_program(const struct bpf_kernel *kernel, const struct program *code, char *log,
                     size_t log_size);
int bpf_attach_multi(int program, const char *path, pid_t pid, size_t count,
                     const uint64_t *offsets, const uint64_t *semaphores, const uint64_t *cookies);

/*
 * Whether the kernel takes two open files for one, as it does with files of two overlay mounts that
 * share a lower layer: a site in one is a site in the other. `site` is in both.
 */
bool bpf_is_one_file(int fd, int other, uint64_t site);

/* Make a ring buffer of ring_size bytes readable. Gives a negative errno, with a message. */
int bpf_map_ring(struct bpf *bpf);
void bpf_unmap_ring(struct bpf *bpf);

#endif
