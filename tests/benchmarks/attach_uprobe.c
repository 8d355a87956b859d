/* SPDX-License-Identifier: MIT */
#include "attach_uprobe.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/perf_uprobe.h"

/* From Linux 6.6; the installed headers may be older. */
#define TRACE_UPROBE_MULTI 48
struct uprobe_multi {
    uint32_t program, target, type, flags;
    uint64_t path, offsets, semaphores, cookies;
    uint32_t count, multi_flags, pid;
};

static int tracer = -1, program = -1, map = -1;
static volatile uint64_t *counter; /* in the BPF program's map; NULL: the perf event counts */

static long bpf(int command, void *attributes, size_t size)
{
    return syscall(SYS_bpf, command, attributes, size);
}

/* ------------------------------------------------------------------- the BPF program -- */

static int make_map(void)
{
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof(attributes));
    attributes.map_type = BPF_MAP_TYPE_ARRAY;
    attributes.key_size = sizeof(uint32_t);
    attributes.value_size = sizeof(uint64_t);
    attributes.max_entries = 1;
    attributes.map_flags = BPF_F_MMAPABLE;
    map = (int)bpf(BPF_MAP_CREATE, &attributes, sizeof(attributes));
    if (map < 0)
        return -1;
    counter = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, map, 0);
    if (counter == MAP_FAILED)
        counter = NULL;
    return counter ? 0 : -1;
}

/*
 * A program that adds one to the number in the map. A counting tracer needs no more, and this needs
 * no compiler.
 */
static int load_program(int attach_type)
{
    const struct bpf_insn code[] = {
        {.code = BPF_LD | BPF_DW | BPF_IMM,
         .dst_reg = 1,
         .src_reg = BPF_PSEUDO_MAP_VALUE,
         .imm = map},
        {.imm = 0},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 1},
        {.code = BPF_STX | BPF_DW | BPF_ATOMIC, .dst_reg = 1, .src_reg = 2, .imm = BPF_ADD},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof(attributes));
    attributes.prog_type = BPF_PROG_TYPE_KPROBE;
    attributes.insns = (uintptr_t)code;
    attributes.insn_cnt = sizeof(code) / sizeof(code[0]);
    attributes.license = (uintptr_t) "MIT";
    attributes.expected_attach_type = (uint32_t)attach_type;
    program = (int)bpf(BPF_PROG_LOAD, &attributes, sizeof(attributes));
    return program < 0 ? -1 : 0;
}

static int make_program(int attach_type)
{
    return make_map() < 0 ? -1 : load_program(attach_type);
}

/* ------------------------------------------------------------------------- attaching -- */

static int attach_perf(const struct bench_site *site)
{
    int fd = perf_uprobe_open(site->path, site->offset, site->semaphore, 0, -1);

    if (fd < 0) {
        errno = -fd;
        return -1;
    }
    tracer = fd;
    return 0;
}

static int attach_perf_bpf(const struct bench_site *site)
{
    if (make_program(0) < 0 || attach_perf(site) < 0)
        return -1;
    return ioctl(tracer, PERF_EVENT_IOC_SET_BPF, program);
}

static int attach_multi(const struct bench_site *site)
{
    struct uprobe_multi link = {
        .type = TRACE_UPROBE_MULTI,
        .path = (uintptr_t)site->path,
        .offsets = (uintptr_t)&site->offset,
        .semaphores = site->semaphore ? (uintptr_t)&site->semaphore : 0,
        .count = 1,
        .pid = (uint32_t)getpid(),
    };

    if (make_program(TRACE_UPROBE_MULTI) < 0)
        return -1;
    link.program = (uint32_t)program;
    /* Pass the size without the padding: an older kernel would refuse it as unknown fields. */
    tracer =
        (int)bpf(BPF_LINK_CREATE, &link, offsetof(struct uprobe_multi, pid) + sizeof(link.pid));
    return tracer < 0 ? -1 : 0;
}

static const struct way {
    const char *name;
    int (*attach)(const struct bench_site *site);
} ways[] = {
    {"perf", attach_perf},
    {"perf-bpf", attach_perf_bpf},
    {"multi", attach_multi},
};

enum bench_outcome bench_attach(const char *way, const struct bench_site *site)
{
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(ways[i].name, way) != 0)
            continue;
        if (ways[i].attach(site) == 0)
            return BENCH_OK;
        bench_say(BENCH_SKIP, "can't attach a uprobe by %s: %s", way, strerror(errno));
        bench_detach();
        return BENCH_SKIP;
    }
    return bench_say(BENCH_FAIL, "unknown way to attach: %s", way);
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void bench_detach(void)
{
    close_one(&tracer);
    close_one(&program);
    close_one(&map); /* the counter stays mapped and readable */
}

uint64_t bench_hits(void)
{
    uint64_t count;

    if (counter)
        return *counter;
    return read(tracer, &count, sizeof(count)) == sizeof(count) ? count : 0;
}
