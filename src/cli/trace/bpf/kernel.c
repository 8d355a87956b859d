/* SPDX-License-Identifier: MIT */
/*
 * What this kernel can do: it is asked, since distributions put new features into old versions. And
 * how to attach, as the headers and the libbpf of Debian 12 don't know uprobe-multi links yet.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/base/command.h"
#include "cli/base/file.h"
#include "cli/base/text.h"
#include "cli/trace/bpf/state.h"

#define FIRST_VERSION 508              /* 5.8: ring buffers */
#define BPF_TRACE_UPROBE_MULTI_TYPE 48 /* enum bpf_attach_type */

/* The part of union bpf_attr for BPF_LINK_CREATE of a uprobe-multi link (Linux 6.6). */
struct multi_attributes {
    uint32_t program, target, type, flags;
    uint64_t path, offsets, semaphores, cookies;
    uint32_t count, multi_flags, pid, padding;
};

int bpf_attach_multi(int program, const char *path, pid_t pid, size_t count,
                     const uint64_t *offsets, const uint64_t *semaphores, const uint64_t *cookies)
{
    struct multi_attributes attributes = {
        .program = (uint32_t)program,
        .type = BPF_TRACE_UPROBE_MULTI_TYPE,
        .path = (uintptr_t)path,
        .offsets = (uintptr_t)offsets,
        .semaphores = (uintptr_t)semaphores,
        .cookies = (uintptr_t)cookies,
        .count = (uint32_t)count,
        .pid = (uint32_t)pid,
    };
    int link = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes));

    return link < 0 ? -errno : link;
}

int bpf_load_program(const struct bpf_kernel *kernel, const struct program *code, char *log,
                     size_t log_size)
{
    struct bpf_prog_load_opts options = {
        .sz = sizeof(options),
        .expected_attach_type = kernel->multi ? BPF_TRACE_UPROBE_MULTI_TYPE : 0,
        .prog_flags = kernel->sleepable ? BPF_F_SLEEPABLE : 0,
        .log_level = log ? 1 : 0,
        .log_size = (uint32_t)log_size,
    };

    options.log_buf = log;
    return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "rst", "Dual MIT/GPL", code->list, code->count,
                         &options);
}

/* Load a program that does nothing. Gives a descriptor or a negative errno. */
static int load_nothing(bool multi, bool sleepable)
{
    struct bpf_insn list[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    const struct program code = {list, sizeof(list) / sizeof(list[0])};

    return bpf_load_program(&(struct bpf_kernel){.multi = multi, .sleepable = sleepable}, &code,
                            NULL, 0);
}

/*
 * "/" is not a file with probes, so a kernel that knows these links says EBADF. The filter by
 * process took a thread for a process in the first versions; those that don't refuse -1 with
 * EINVAL.
 */
static bool has_multi(void)
{
    const uint64_t offset = 0;
    int program, link, filtered;

    program = load_nothing(true, false);
    if (program < 0)
        return false;
    link = bpf_attach_multi(program, "/", 0, 1, &offset, NULL, NULL);
    filtered = bpf_attach_multi(program, "/", -1, 1, &offset, NULL, NULL);
    close(program);
    return link == -EBADF && filtered == -EINVAL;
}

int bpf_kernel_ask(struct bpf_kernel *ret)
{
    const char *wanted = getenv("RST_TRACE_ATTACH");
    struct utsname name;
    int program;

    libbpf_set_print(NULL);
    if (uname(&name) == 0 && version_number(name.release) < FIRST_VERSION)
        return rst_fail(ENOTSUP,
                        "Linux %s is too old for rst trace, which needs 5.8: use --for bpftrace, "
                        "bcc, perf, tracefs or gdb",
                        rst_quote(name.release).text);
    /*
     * Private stacks came in 6.13, and in some distributions' older versions; these links came some
     * versions before.
     */
    ret->private_stacks = has_multi();
    ret->multi = ret->private_stacks && !(wanted && strcmp(wanted, "perf") == 0);
    program = load_nothing(ret->multi, true);
    ret->sleepable = program >= 0;
    if (program >= 0)
        close(program);
    return 0;
}

static const char *why_forbidden(void)
{
    char line[80];

    if (read_line("/sys/kernel/security/lockdown", line, sizeof(line)) &&
        strstr(line, "[confidentiality]"))
        return "the kernel's lockdown mode forbids BPF, to root too: use --for gdb";
    if (geteuid() != 0)
        return "tracing needs root; put sudo before it: sudo rst trace ... "
               "(without root: --for gdb, --print)";
    if (!in_first_namespace())
        return "you are in a user namespace, whose capabilities don't count: run rst as root "
               "outside "
               "of it, with the PID that the program has there (inside: --for gdb)";
    return "you are root, but may not use BPF: in a container, it needs CAP_BPF and CAP_PERFMON, "
           "or CAP_SYS_ADMIN (without: --for gdb)";
}

int bpf_refused(int error, const char *what)
{
    static const char many[] = "too many open files: name fewer probes, or raise the hard limit of "
                               "descriptors (ulimit -Hn)";
    static const struct {
        int error;
        const char *words;
    } refusals[] = {
        {ENOSYS, "this kernel has no BPF (CONFIG_BPF_SYSCALL): use --for perf, tracefs or gdb, "
                 "which don't need it"},
        {ENODEV, "this kernel has no uprobes (CONFIG_UPROBE_EVENTS), or /sys is not mounted: use "
                 "--for gdb"},
        {EMFILE, many},
        {ENFILE, many},
    };

    if (error == EPERM || error == EACCES)
        return rst_fail(error, "%s", why_forbidden());
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        if (refusals[i].error == error)
            return rst_fail(error, "%s", refusals[i].words);
    return rst_fail_errno(error, "%s", what);
}

int bpf_try(struct bpf_kernel *ret)
{
    int error = bpf_kernel_ask(ret), program;

    if (error < 0)
        return error;
    program = load_nothing(ret->multi, ret->sleepable);
    if (program < 0)
        return bpf_refused(-program, "the kernel refuses every BPF program");
    close(program);
    return 0;
}
