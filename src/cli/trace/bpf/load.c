/* SPDX-License-Identifier: MIT */
/* Makes the maps of a trace, and loads its programs. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cli/trace/bpf/state.h"

#define RING_SIZE ((size_t)2 << 20) /* 1,000 records of 100 bytes a millisecond fill an eighth */
#define MOST_RING_SIZE (4 * RING_SIZE)
#define COUNTER_ROOM 4096              /* a page, as it is mapped */
#define FIRST_PID_NAMESPACE 0xeffffffc /* the inode of the initial one, in every kernel */
#define LOG_SIZE 65536

/* Gives 0, and the descriptor, or a negative errno with a message. */
static int make_map(int *ret, enum bpf_map_type type, size_t key, size_t value, size_t count)
{
    const struct bpf_map_create_opts options = {
        .sz = sizeof(options), .map_flags = type == BPF_MAP_TYPE_ARRAY ? BPF_F_MMAPABLE : 0};

    *ret = bpf_map_create(type, "rst", (uint32_t)key, (uint32_t)value, (uint32_t)count, &options);
    return *ret < 0 ? bpf_refused(-*ret, "a BPF map could not be made") : 0;
}

/* Its memory counts as that of rst, so it is larger only where records are. */
static int make_ring(struct bpf *bpf)
{
    const struct plan *plan = bpf->plan;
    size_t most = 0;
    int error;

    for (size_t i = 0; i < plan->variant_count; i++) {
        const struct plan_variant *variant = &plan->variants[i];
        size_t size = plan->options->stack ? RECORD_MOST_FRAMES * sizeof(uint64_t) : 0;

        for (size_t j = 0; j < plan->probes[variant->probe].argument_count; j++)
            if (variant->values[j].kind == VALUE_STRING)
                size += RECORD_STRING_ROOM(plan->options->string_bytes);
        most = size > most ? size : most;
    }
    bpf->ring_size = RING_SIZE;
    while (bpf->ring_size < MOST_RING_SIZE && bpf->ring_size / 4096 < most)
        bpf->ring_size *= 2;
    error = make_map(&bpf->options.ring, BPF_MAP_TYPE_RINGBUF, 0, 0, bpf->ring_size);
    return error ? error : bpf_map_ring(bpf);
}

static int make_counts(struct bpf *bpf)
{
    size_t value = COUNT_VALUE_SIZE(bpf->options.mode);

    bpf->keyed = bpf->plan->options->by || bpf->plan->options->hist;
    return bpf->keyed ? make_map(&bpf->options.counts, BPF_MAP_TYPE_PERCPU_HASH,
                                 COUNT_KEY_SIZE(bpf->options.string_keys), value, TRACE_MOST_KEYS)
                      : make_map(&bpf->options.counts, BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t),
                                 value, bpf->plan->variant_count);
}

/* For each CPU; if nothing says how many there are, they share those of one. */
static int make_slots(struct bpf *bpf)
{
    int cpus = libbpf_num_possible_cpus(), error;
    size_t count = (size_t)(cpus > 0 ? cpus : 1) * SLOTS_OF_CPU, size = count * sizeof(struct slot);
    struct slot *slots;

    error = make_map(&bpf->options.slots, BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), size, 1);
    if (error < 0)
        return error;
    slots = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf->options.slots, 0);
    if (slots == MAP_FAILED)
        return rst_fail_errno(errno, "a BPF map could not be mapped");
    for (size_t i = 0; i < count; i++)
        slots[i].place = i * sizeof(*slots);
    munmap(slots, size);
    bpf->options.slot_cpus = count / SLOTS_OF_CPU;
    return 0;
}

static int make_maps(struct bpf *bpf)
{
    int error = make_map(&bpf->options.counters, BPF_MAP_TYPE_ARRAY, sizeof(uint32_t),
                         COUNTERS * sizeof(uint64_t), 1);
    void *counters;

    if (error < 0)
        return error;
    counters = mmap(NULL, COUNTER_ROOM, PROT_READ, MAP_SHARED, bpf->options.counters, 0);
    if (counters == MAP_FAILED)
        return rst_fail_errno(errno, "a BPF map could not be mapped");
    bpf->counters = counters;
    error = bpf->kernel.private_stacks ? make_slots(bpf) : 0;
    if (error < 0)
        return error;
    return bpf->options.mode == TRACE_EVENTS ? make_ring(bpf) : make_counts(bpf);
}

/* Processes are named by their numbers in rst's PID namespace, which is not always the first. */
static void name_namespace(struct program_options *options)
{
    struct stat about;

    if (stat("/proc/self/ns/pid", &about) < 0 || about.st_ino == FIRST_PID_NAMESPACE)
        return;
    /* as the kernel has it: minor numbers have 20 bits */
    options->pid_device = (uint64_t)major(about.st_dev) << 20 | minor(about.st_dev);
    options->pid_inode = about.st_ino;
}

/* The verifier's last line says what it refuses. */
static int fail_to_load(const struct bpf *bpf, const struct plan_probe *probe,
                        const struct program *code, int error)
{
    char *log, *line = NULL, *rest;
    int fd;

    if (error == EPERM || error == EACCES || error == ENOSYS)
        return bpf_refused(error, "");
    log = rest = sure(calloc(1, LOG_SIZE));
    fd = bpf_load_program(&bpf->kernel, code, log, LOG_SIZE);
    if (fd >= 0) /* there was no memory for it a moment ago, perhaps */
        close(fd);
    for (char *next; fd < 0 && (next = strsep(&rest, "\n"));)
        if (*next && strncmp(next, "processed ", 10) != 0)
            line = next;
    error = rst_fail(error, "the kernel refuses the program for \"%s\" (%s): %s", probe->title,
                     strerror(error), line ? line : "it does not say why");
    free(log);
    return error;
}

/* A program that is there already is not loaded again, if cookies tell the variants. */
static int load_variant(struct bpf *bpf, size_t number)
{
    const struct plan_probe *probe = &bpf->plan->probes[bpf->plan->variants[number].probe];
    struct loaded_program *programs = bpf->programs, *made = &programs[bpf->program_count];
    size_t same = bpf->kernel.multi ? 0 : bpf->program_count;
    int error = program_emit(bpf->plan, number, &bpf->options, &made->code);

    if (error < 0)
        return rst_fail(-error,
                        "\"%s\" needs a longer program than the kernel takes: shorten --filter",
                        probe->title);
    while (same < bpf->program_count && (programs[same].code.count != made->code.count ||
                                         memcmp(programs[same].code.list, made->code.list,
                                                made->code.count * sizeof(*made->code.list)) != 0))
        same++;
    bpf->program_of[number] = same;
    if (same < bpf->program_count) {
        free(made->code.list);
        return 0;
    }
    bpf->program_count++;
    made->fd = bpf_load_program(&bpf->kernel, &made->code, NULL, 0);
    return made->fd < 0 ? fail_to_load(bpf, probe, &made->code, -made->fd) : 0;
}

static int load_programs(struct bpf *bpf)
{
    size_t count = bpf->plan->variant_count;
    int error = 0;

    bpf->options.sleepable = bpf->kernel.sleepable;
    bpf->options.by_cookie = bpf->kernel.multi;
    name_namespace(&bpf->options);
    bpf->programs = sure(calloc(count, sizeof(*bpf->programs)));
    bpf->program_of = sure(calloc(count, sizeof(*bpf->program_of)));
    for (size_t i = 0; error == 0 && i < count; i++)
        error = load_variant(bpf, i);
    return error;
}

/* A link, a program or a process is a descriptor each, and the usual soft limit is 1024. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int bpf_load(const struct plan *plan, struct bpf **ret)
{
    struct bpf *bpf = sure(calloc(1, sizeof(*bpf)));
    int error;

    *bpf = (struct bpf){.plan = plan, .options = program_options_of(plan)};
    bpf->options.ring = bpf->options.counters = bpf->options.counts = bpf->options.slots = -1;
    raise_limit();
    error = bpf_kernel_ask(&bpf->kernel);
    if (error == 0)
        error = make_maps(bpf);
    if (error == 0)
        error = load_programs(bpf);
    if (error == 0)
        *ret = bpf;
    else
        bpf_free(bpf);
    return error;
}

static void close_one(int fd)
{
    if (fd >= 0)
        close(fd);
}

void bpf_free(struct bpf *bpf)
{
    if (!bpf)
        return;
    bpf_detach(bpf);
    for (size_t i = 0; i < bpf->program_count; i++) {
        close_one(bpf->programs[i].fd);
        free(bpf->programs[i].code.list);
    }
    free(bpf->programs);
    free(bpf->program_of);
    bpf_unmap_ring(bpf);
    if (bpf->counters)
        munmap(bpf->counters, COUNTER_ROOM);
    close_one(bpf->options.ring);
    close_one(bpf->options.counters);
    close_one(bpf->options.counts);
    close_one(bpf->options.slots);
    free(bpf);
}
