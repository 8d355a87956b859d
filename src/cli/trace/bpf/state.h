/* SPDX-License-Identifier: MIT */
/*
 * What the files of bpf/ share of a trace.
 *
 *     kernel.c   asks the kernel what it can do; explains why it refuses
 *     load.c     maps and programs
 *     attach.c   sites to links
 *     overlay.c  files that are one for the kernel
 *     ring.c     reads the ring buffer and the counts
 *     event.c    a record's bytes to an event
 *     program.c  emits instructions; pure
 *     none.c     in place of the first five where rst is built without libbpf
 */
#ifndef CLI_TRACE_BPF_STATE_H
#define CLI_TRACE_BPF_STATE_H

#include "cli/trace/bpf/bpf.h"
#include "cli/trace/bpf/program.h"
#include "error.h"

#define NO_DESCRIPTOR (-1)

/* The ring buffer, as the kernel maps it. It is mapped once, not twice in a row. */
struct ring {
    size_t size;
    uint64_t *consumer; /* a page of its own, in which rst writes how far it has read */
    const uint64_t *producer;
    const uint8_t *bytes;
    void *whole; /* a record that wraps around the buffer's end */
};

struct loaded_program {
    struct program code;
    int fd;
};

struct bpf {
    const struct plan *plan;
    struct bpf_kernel kernel;
    bool keyed, string_keys; /* counts are a hash map, whose keys may be strings */
    int ring_map, counter_map, count_map;
    struct ring ring;
    uint64_t *counters; /* mapped */
    struct loaded_program *programs;
    size_t program_count;
    size_t *program_of; /* the program of each variant */
    int *links;
    size_t link_count;
};

/*
 * Ask this kernel. Gives a negative errno with a message if it is too old. RST_TRACE_ATTACH=perf in
 * the environment hides uprobe-multi links, so that tests can try the other way.
 */
int bpf_kernel_ask(struct bpf_kernel *ret);

/* Explain why the kernel has refused `what`. Gives -error, with a message for rst_error(). */
int bpf_refused(int error, const char *what);

/* "provider:probe", for a message. */
struct rst_quoted bpf_quote(const struct plan_probe *probe);

/* Load a program. Gives a descriptor or a negative errno. `log` may be NULL. */
int bpf_load_program(const struct bpf_kernel *kernel, const struct program *code, char *log,
                     size_t log_size);

/*
 * Attach a program to sites. `pid` 0: in every process. Gives a descriptor or a negative errno.
 */
struct bpf_sites {
    const char *path;
    size_t count;
    const uint64_t *offsets, *semaphores, *cookies;
    pid_t pid;
};
int bpf_attach_multi(int program, const struct bpf_sites *sites);
int bpf_open_uprobe(const char *path, uint64_t offset, uint64_t semaphore, pid_t pid);

/*
 * Whether the kernel takes two open files for one, as it does with files of two overlay mounts that
 * share a lower layer: a site in one is a site in the other. `site` is in both.
 */
bool bpf_is_one_file(int fd, int other, uint64_t site);

int ring_map(int fd, size_t size, struct ring *ret);
void ring_unmap(struct ring *ring);

#endif
