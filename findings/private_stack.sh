#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Linux from 6.13 on: a BPF program of a uprobe finds values of another run on its stack, if it
# slept, or was preempted, and another task hit the uprobe on the same CPU meanwhile. Traces are
# wrong then: values of different hits are mixed up in one event, and nothing tells it.
#
# In kernel/bpf/verifier.c: where the JIT can do it, bpf_enable_priv_stack() gives programs of type
# BPF_PROG_TYPE_KPROBE, which those of uprobes are, too, a private stack, one for each CPU, once
# they use 64 bytes (BPF_PRIV_STACK_MIN_SIZE; rounded up to 16, so from 49 bytes on). It takes for
# granted that two runs on one CPU exclude each other. For kprobes, trace_call_bpf() in
# kernel/trace/bpf_trace.c sees to that, by bpf_prog_active. For uprobes nobody does:
# bpf_prog_run_array_uprobe() in include/linux/bpf.h and uprobe_prog_run() in bpf_trace.c only keep
# the task on its CPU.
#
# Others met it, too. A pointer that is kept on the stack is overwritten as well: issue 3056 of
# open-telemetry/opentelemetry-ebpf-instrumentation on GitHub tells of a kernel that crashed under
# load, and takes this for the cause. Pull request 3059 there has programs disable preemption, which
# one that sleeps can't do. A neighbour is elastic/quark, pull request 305: with PREEMPT_LAZY,
# programs are preempted where they never were, and overwrite per-CPU buffers of their own.
#
# Here, the program keeps the id of a hit on its stack, reads a letter of the hit's text, and then
# looks at its stack. The text of id 11 is in a page of userfaultfd(2), so that its run sleeps until
# id 22 has come and gone on the same CPU. Whether the uprobe is a perf event or a link for many
# makes no difference. Seen on Linux 6.18.44 x86_64 (PREEMPT_NONE), Debian 12:
#
#     perf event, 48 bytes of stack: 22 finds 22, 11 finds 11
#     perf event, 64 bytes of stack: 22 finds 22, 11 finds 22
#     multi link, 48 bytes of stack: 22 finds 22, 11 finds 11
#     multi link, 64 bytes of stack: 22 finds 22, 11 finds 22
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

# Is it Linux 6.13 or newer?
printf '%s\n' 6.13 "$(uname -r)" | sort --check=quiet --version-sort ||
    not_run "this kernel is older than 6.13"
need_x86_64
need_root
[ "$(cat /proc/sys/net/core/bpf_jit_enable)" != 0 ] ||
    not_run "the BPF JIT is off, without which there are no private stacks"
need_compiler
package clang-14 1:14.0.6-12
package libbpf-dev 1:1.1.2-0+deb12u1

cat >"$folder/keep.bpf.c" <<'C'
#include <linux/bpf.h>
#include <linux/ptrace.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define WORDS (BYTES / 8)

/* The runs in the order in which they end: the id in a register, and that on the stack. */
struct {
    struct {
        __u64 id, kept;
    } runs[2];
    __u64 ended;
    char letter;
} seen;

SEC("uprobe.s")
int keep(struct pt_regs *registers)
{
    __u64 id = PT_REGS_PARM1(registers), run;
    volatile __u64 stack[WORDS];

#pragma unroll
    for (int i = 0; i < WORDS; i++)
        stack[i] = id;
    bpf_copy_from_user(&seen.letter, 1, (void *)PT_REGS_PARM2(registers));
    run = seen.ended++ & 1;
    seen.runs[run].id = id;
    seen.runs[run].kept = stack[0];
    return 0;
}

char LICENSE[] SEC("license") = "GPL";
C
cat >"$folder/program.c" <<'C'
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096UL
#define SELF "/proc/self/exe"
#define TRACE_UPROBE_MULTI 48 /* Debian's headers are older */

struct seen {
    struct {
        uint64_t id, kept;
    } runs[2];
    uint64_t rest[2];
};

extern const char __executable_start[];
static char *absent;

static void need(int condition, const char *what)
{
    if (condition)
        return;
    perror(what);
    exit(77);
}

__attribute__((noipa)) static void fire(uint64_t id, const char *text)
{
    __asm__ volatile("" : : "r"(id), "r"(text));
}

static void *fire_asleep(void *data)
{
    fire(11, absent);
    return data;
}

static uint64_t place(void)
{
    return (uintptr_t)fire - (uintptr_t)__executable_start;
}

/* A link for many, here of one. */
static int attach_multi(const struct bpf_program *program)
{
    uint64_t offset = place();
    struct {
        uint32_t program, target, type, flags;
        uint64_t path, offsets, semaphores, cookies;
        uint32_t count, multi_flags, pid, padding;
    } link = {
        .program = (uint32_t)bpf_program__fd(program),
        .type = TRACE_UPROBE_MULTI,
        .path = (uintptr_t)SELF,
        .offsets = (uintptr_t)&offset,
        .count = 1,
    };

    return (int)syscall(SYS_bpf, BPF_LINK_CREATE, &link, sizeof(link));
}

static struct bpf_object *attach(const char *path, int multi)
{
    struct bpf_object *object = bpf_object__open_file(path, NULL);
    struct bpf_program *program;

    need(object != NULL, path);
    program = bpf_object__next_program(object, NULL);
    if (multi)
        bpf_program__set_expected_attach_type(program, TRACE_UPROBE_MULTI);
    need(bpf_object__load(object) == 0, "load");
    if (multi)
        need(attach_multi(program) >= 0, "attach by a link");
    else
        need(bpf_program__attach_uprobe(program, false, 0, SELF, place()) != NULL, "attach");
    return object;
}

/* The threads made from here on, too. */
static void stay_on_one_cpu(void)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET((size_t)sched_getcpu(), &cpus);
    need(sched_setaffinity(0, sizeof(cpus), &cpus) == 0, "sched_setaffinity");
}

/* Have a page that is absent until this process brings it. */
static int make_absent(void)
{
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
    struct uffdio_api api = {.api = UFFD_API};

    need(fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0, "userfaultfd");
    absent = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(absent != MAP_FAILED, "mmap");
    range.range.start = (uintptr_t)absent;
    range.range.len = PAGE;
    need(ioctl(fd, UFFDIO_REGISTER, &range) == 0, "UFFDIO_REGISTER");
    return fd;
}

static void bring(int fd)
{
    static char page[PAGE] = "late";
    struct uffdio_copy copy = {.dst = (uintptr_t)absent, .src = (uintptr_t)page, .len = PAGE};

    need(ioctl(fd, UFFDIO_COPY, &copy) == 0, "UFFDIO_COPY");
}

static void show(const struct bpf_object *object)
{
    const struct bpf_map *map = bpf_object__next_map(object, NULL);
    struct seen seen;
    int zero = 0;

    need(bpf_map__value_size(map) <= sizeof(seen), "the map's size");
    need(bpf_map_lookup_elem(bpf_map__fd(map), &zero, &seen) == 0, "the map");
    for (int i = 0; i < 2; i++)
        printf("%s%lu finds %lu", i ? ", " : "", seen.runs[i].id, seen.runs[i].kept);
    puts("");
}

int main(int count, char **arguments)
{
    int multi = strcmp(arguments[count - 1], "multi link") == 0, fd;
    struct bpf_object *object = attach(arguments[1], multi);
    struct uffd_msg message;
    pthread_t sleeper;

    alarm(60);
    stay_on_one_cpu();
    fd = make_absent();
    need(pthread_create(&sleeper, NULL, fire_asleep, NULL) == 0, "pthread_create");
    need(read(fd, &message, sizeof(message)) == sizeof(message), "no fault"); /* it sleeps */
    fire(22, "there");
    bring(fd);
    pthread_join(sleeper, NULL);
    show(object);
    return 0;
}
C

for bytes in 48 64; do
    clang-14 -O2 -Wall -Wextra --target=bpf -D__x86_64__ -D__TARGET_ARCH_x86 -DBYTES="$bytes" \
        -I/usr/include/x86_64-linux-gnu -c -o "$folder/$bytes.o" "$folder/keep.bpf.c"
done
gcc -O1 -Wall -Wextra -pthread -o "$folder/program" "$folder/program.c" \
    -L"$folder/root/usr/lib/x86_64-linux-gnu" -lbpf

# mixed HOW BYTES: what the two runs of a program with so many bytes of stack find there.
mixed() {
    local status=0

    "$folder/program" "$folder/$2.o" "$1" || status=$?
    [ "$status" -ne 77 ] || not_run "the program can't trace itself, or have an absent page"
    [ "$status" -eq 0 ] || echo "it ended with status $status"
}

for how in "perf event" "multi link"; do
    for bytes in 48 64; do
        found=$(mixed "$how" "$bytes")
        echo "$how, $bytes bytes of stack: $found" >>"$folder/seen"
    done
done
compare "$folder/seen"
