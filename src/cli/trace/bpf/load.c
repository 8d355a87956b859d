/* SPDX-License-Identifier: MIT */
/* Makes the maps of a trace, and loads its programs. */
#include <bpf/bpf.h>
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

/* --------------------------------------------------------------------------------- maps -- */

static int make_map(enum bpf_map_type type, size_t key, size_t value, size_t count, uint32_t flags)
{
    const struct bpf_map_create_opts options = {.sz = sizeof(options), .map_flags = flags};
    int fd = bpf_map_create(type, "rst", (uint32_t)key, (uint32_t)value, (uint32_t)count, &options);

    return fd < 0 ? bpf_refused(-fd, "a BPF map could not be made") : fd;
}

/* Its memory counts as that of rst, so it is larger only where records are. */
static int make_ring(struct bpf *bpf)
{
    const struct plan *plan = bpf->plan;
    size_t most = 0;

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
    bpf->options.ring = make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, bpf->ring_size, 0);
    return bpf->options.ring < 0 ? bpf->options.ring : bpf_map_ring(bpf);
}

static int make_counters(struct bpf *bpf)
{
    void *counters;

    bpf->options.counters = make_map(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t),
                                     COUNTERS * sizeof(uint64_t), 1, BPF_F_MMAPABLE);
    if (bpf->options.counters < 0)
        return bpf->options.counters;
    counters = mmap(NULL, COUNTER_ROOM, PROT_READ, MAP_SHARED, bpf->options.counters, 0);
    if (counters == MAP_FAILED)
        return rst_fail_errno(errno, "a BPF map could not be mapped");
    bpf->counters = counters;
    return 0;
}

static int make_count_map(struct bpf *bpf)
{
    const struct plan *plan = bpf->plan;

    bpf->keyed = plan->options->by || plan->options->hist;
    if (bpf->keyed)
        bpf->options.counts =
            make_map(BPF_MAP_TYPE_PERCPU_HASH, COUNT_KEY_SIZE(bpf->options.string_keys),
                     sizeof(uint64_t), TRACE_MOST_KEYS, 0);
    else
        bpf->options.counts = make_map(BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t),
                                       sizeof(uint64_t), plan->variant_count, 0);
    return bpf->options.counts < 0 ? bpf->options.counts : 0;
}

/* ----------------------------------------------------------------------------- programs -- */

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

    if (error == EPERM || error == EACCES || error == ENOSYS)
        return bpf_refused(error, "");
    log = rest = sure(calloc(1, LOG_SIZE));
    if (bpf_load_program(&bpf->kernel, code, log, LOG_SIZE) < 0)
        for (char *next; (next = strsep(&rest, "\n"));)
            if (*next && strncmp(next, "processed ", 10) != 0)
                line = next;
    error = rst_fail(error, "the kernel refuses the program for %s (%s): %s", bpf_quote(probe).text,
                     strerror(error), line ? line : "it does not say why");
    free(log);
    return error;
}

static size_t find_program(const struct bpf *bpf, const struct program *code)
{
    size_t i = 0;

    while (i < bpf->program_count &&
           (bpf->programs[i].code.count != code->count ||
            memcmp(bpf->programs[i].code.list, code->list, code->count * sizeof(*code->list)) != 0))
        i++;
    return i;
}

/* A program that is there already is not loaded again, if cookies tell the variants. */
static int load_variant(struct bpf *bpf, size_t number)
{
    const struct plan_probe *probe = &bpf->plan->probes[bpf->plan->variants[number].probe];
    struct loaded_program made;
    int error = program_emit(bpf->plan, number, &bpf->options, &made.code);

    if (error < 0)
        return rst_fail(-error, "%s needs a longer program than the kernel takes: shorten --filter",
                        bpf_quote(probe).text);
    bpf->program_of[number] =
        bpf->kernel.multi ? find_program(bpf, &made.code) : bpf->program_count;
    if (bpf->program_of[number] < bpf->program_count) {
        free(made.code.list);
        return 0;
    }
    made.fd = bpf_load_program(&bpf->kernel, &made.code, NULL, 0);
    bpf->programs[bpf->program_count++] = made;
    return made.fd < 0 ? fail_to_load(bpf, probe, &made.code, -made.fd) : 0;
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

/* A link or a program is a descriptor each, and the usual soft limit is 1024. */
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
    bpf->options.ring = bpf->options.counters = bpf->options.counts = NO_DESCRIPTOR;
    raise_limit();
    error = bpf_kernel_ask(&bpf->kernel);
    if (error == 0)
        error = make_counters(bpf);
    if (error == 0)
        error = plan->options->mode == TRACE_EVENTS ? make_ring(bpf) : make_count_map(bpf);
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
    free(bpf);
}
