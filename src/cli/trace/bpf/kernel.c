/* SPDX-License-Identifier: MIT */
/*
 * What this kernel can do: it is asked, since distributions put new features into old versions. And
 * how to attach, as the headers and the libbpf of Debian 12 don't know uprobe-multi links yet.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/base/number.h"
#include "cli/base/text.h"
#include "cli/trace/bpf/state.h"
#include "error.h"

#define FIRST_VERSION 508              /* 5.8: ring buffers */
#define BPF_TRACE_UPROBE_MULTI_TYPE 48 /* enum bpf_attach_type */
#define SEMAPHORE_SHIFT 32 /* /sys/bus/event_source/devices/uprobe/format/ref_ctr_offset */

/* ------------------------------------------------------------------------------- attach -- */

/* The part of union bpf_attr for BPF_LINK_CREATE of a uprobe-multi link (Linux 6.6). */
struct multi_attributes {
    uint32_t program, target, type, flags;
    uint64_t path, offsets, semaphores, cookies;
    uint32_t count, multi_flags, pid, padding;
};

int bpf_attach_multi(int program, const struct bpf_sites *sites)
{
    struct multi_attributes attributes = {
        .program = (uint32_t)program,
        .type = BPF_TRACE_UPROBE_MULTI_TYPE,
        .path = (uintptr_t)sites->path,
        .offsets = (uintptr_t)sites->offsets,
        .semaphores = (uintptr_t)sites->semaphores,
        .cookies = (uintptr_t)sites->cookies,
        .count = (uint32_t)sites->count,
        .pid = (uint32_t)sites->pid,
    };
    int link = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes));

    return link < 0 ? -errno : link;
}

/* The kernel's number for uprobes among its events. Gives 0 or a negative errno. */
static int read_uprobe_type(uint32_t *ret)
{
    FILE *file = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
    char line[32] = "";

    if (!file)
        return errno == ENOENT ? -ENODEV : -errno;
    if (fgets(line, sizeof(line), file))
        *ret = (uint32_t)strtoul(line, NULL, 10);
    fclose(file);
    return *ret ? 0 : -ENODEV;
}

int bpf_open_uprobe(const char *path, uint64_t offset, uint64_t semaphore, pid_t pid)
{
    static uint32_t type; /* 0: not read yet */
    struct perf_event_attr attributes = {
        .size = sizeof(attributes),
        .config = semaphore << SEMAPHORE_SHIFT,
        .config1 = (uintptr_t)path,
        .config2 = offset,
    };
    int uprobe = type ? 0 : read_uprobe_type(&type);

    if (uprobe < 0)
        return uprobe;
    attributes.type = type;
    uprobe = (int)syscall(SYS_perf_event_open, &attributes, pid ? pid : -1, pid ? -1 : 0, -1,
                          PERF_FLAG_FD_CLOEXEC);
    return uprobe < 0 ? -errno : uprobe;
}

int bpf_load_program(const struct bpf_kernel *kernel, const struct program *code, char *log,
                     size_t log_size)
{
    struct bpf_prog_load_opts options = {
        .sz = sizeof(options),
        .expected_attach_type = kernel->multi ? BPF_TRACE_UPROBE_MULTI_TYPE : 0,
        .prog_flags = kernel->sleepable ? BPF_F_SLEEPABLE : 0,
        .log_level = log ? 1 : 0,
    };

    options.log_buf = log;
    options.log_size = (uint32_t)log_size;
    return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "rst", "Dual MIT/GPL", code->list, code->count,
                         &options);
}

/* ---------------------------------------------------------------------------------- ask -- */

/* Sets errno if it can't. */
static bool can_load(bool multi, bool sleepable, int *ret)
{
    struct bpf_insn list[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    struct program code = {list, sizeof(list) / sizeof(list[0])};
    struct bpf_kernel kernel = {.multi = multi, .sleepable = sleepable};
    int fd = bpf_load_program(&kernel, &code, NULL, 0);

    if (fd >= 0 && ret)
        *ret = fd;
    else if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/*
 * "/" is not a file with probes, so a kernel that knows these links says EBADF. The filter by
 * process took a thread for a process in the first versions; those that don't refuse -1 with
 * EINVAL.
 */
static bool has_multi(void)
{
    uint64_t offset = 0;
    struct bpf_sites sites = {.path = "/", .count = 1, .offsets = &offset};
    const char *wanted = getenv("RST_TRACE_ATTACH");
    int program, link, filtered;

    if ((wanted && strcmp(wanted, "perf") == 0) || !can_load(true, false, &program))
        return false;
    link = bpf_attach_multi(program, &sites);
    sites.pid = -1;
    filtered = bpf_attach_multi(program, &sites);
    close(program);
    return link == -EBADF && filtered == -EINVAL;
}

int bpf_kernel_ask(struct bpf_kernel *ret)
{
    struct utsname name;

    libbpf_set_print(NULL);
    if (uname(&name) == 0 && version_number(name.release) < FIRST_VERSION)
        return rst_fail(ENOTSUP,
                        "Linux %s is too old for rst trace, which needs 5.8: use --for bpftrace, "
                        "bcc, perf, tracefs or gdb",
                        rst_quote(name.release).text);
    ret->multi = has_multi();
    ret->sleepable = can_load(ret->multi, true, NULL);
    return 0;
}

/* ------------------------------------------------------------------------------ refused -- */

static bool is_locked_down(void)
{
    FILE *file = fopen("/sys/kernel/security/lockdown", "re");
    char line[80] = "";
    bool locked;

    if (!file)
        return false;
    locked = fgets(line, sizeof(line), file) && strstr(line, "[confidentiality]");
    fclose(file);
    return locked;
}

struct rst_quoted bpf_quote(const struct plan_probe *probe)
{
    struct text name = {0};
    struct rst_quoted quoted;

    text_addf(&name, "%s:%s", probe->provider, probe->name);
    quoted = rst_quote(name.bytes);
    free(name.bytes);
    return quoted;
}

int bpf_refused(int error, const char *what)
{
    switch (error) {
    case EPERM:
    case EACCES:
        if (is_locked_down())
            return rst_fail(error, "the kernel's lockdown mode forbids BPF, to root too: use "
                                   "--for gdb");
        if (geteuid() != 0)
            return rst_fail(error, "tracing needs root; put sudo before it: sudo rst trace ... "
                                   "(without root: --for gdb, --print)");
        return rst_fail(error, "you are root, but may not use BPF: in a container, it needs "
                               "CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN (without: --for gdb)");
    case ENOSYS:
        return rst_fail(error, "this kernel has no BPF (CONFIG_BPF_SYSCALL): use --for perf, "
                               "tracefs or gdb, which don't need it");
    case ENODEV:
        return rst_fail(error, "this kernel has no uprobes (CONFIG_UPROBE_EVENTS), or /sys is not "
                               "mounted: use --for gdb");
    case EMFILE:
    case ENFILE:
        return rst_fail(error, "too many open files: name fewer probes, or raise the hard limit of "
                               "descriptors (ulimit -Hn)");
    default:
        return rst_fail_errno(error, "%s", what);
    }
}

int bpf_try(struct bpf_kernel *ret)
{
    int error = bpf_kernel_ask(ret);

    if (error < 0 || can_load(ret->multi, ret->sleepable, NULL))
        return error;
    return bpf_refused(errno, "the kernel refuses every BPF program");
}
