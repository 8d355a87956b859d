/* SPDX-License-Identifier: MIT */
/*
 * What the kernel can do, and what it allows this user.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/base/file.h"
#include "cli/base/number.h"
#include "cli/base/privilege.h"
#include "cli/check/check.h"

/* Older headers lack these. */
#define RST_CAP_PERFMON 38
#define RST_CAP_BPF 39

/* The first kernel that counts a probe's tracers: 4.20. */
#define FIRST_VERSION 420

#define UPROBE_TYPE "/sys/bus/event_source/devices/uprobe/type"
#define SEMAPHORE_SHIFT 32 /* /sys/bus/event_source/devices/uprobe/format/ref_ctr_offset */

int uprobe_attach(const char *path, uint64_t site, uint64_t semaphore)
{
    struct perf_event_attr attributes = {
        .size = sizeof(attributes),
        .config = semaphore << SEMAPHORE_SHIFT,
        .config1 = (uintptr_t)path,
        .config2 = site,
    };
    char type[32];
    int uprobe;

    if (!read_line(UPROBE_TYPE, type, sizeof(type)))
        return -ENODEV;
    attributes.type = (uint32_t)strtoul(type, NULL, 10);
    uprobe = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return uprobe < 0 ? -errno : uprobe;
}

static void check_kernel(struct machine *machine)
{
    struct utsname name;
    const char *advice = "";

    if (uname(&name) < 0)
        return;
    if (version_number(name.release) < FIRST_VERSION)
        advice = ": it does not count a probe's tracers; 4.20 and newer do";
    else if (strcmp(name.machine, "x86_64") != 0)
        advice = ": librst loads probes only on x86_64 so far; 'rst list' works";
    fact_set(machine, *advice ? VERDICT_NO : VERDICT_YES, "Linux %s, %s%s", name.release,
             name.machine, advice);
}

static void check_uprobes(struct machine *machine)
{
    if (access(UPROBE_TYPE, R_OK) == 0)
        fact_set(machine, VERDICT_YES, "the kernel has uprobes");
    else
        fact_set(machine, VERDICT_NO,
                 "the kernel has no uprobes, or /sys is not mounted: use a kernel with "
                 "CONFIG_UPROBE_EVENTS; gdb works without it");
}

static void check_privileges(struct machine *machine)
{
    static const struct {
        const char *name;
        unsigned number;
        bool by_admin; /* CAP_SYS_ADMIN includes it */
    } needed[] = {{"CAP_BPF", RST_CAP_BPF, true},
                  {"CAP_PERFMON", RST_CAP_PERFMON, true},
                  {"CAP_SYS_PTRACE", CAP_SYS_PTRACE, false}};
    const bool is_admin = has_capability(CAP_SYS_ADMIN);
    struct text lacking = {0};

    text_clear(&lacking);
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!has_capability(needed[i].number) && !(needed[i].by_admin && is_admin))
            text_addf(&lacking, "%s%s", lacking.size ? ", " : "", needed[i].name);
    if (!in_first_namespace())
        fact_set(machine, VERDICT_NO,
                 "you are in a user namespace, whose capabilities don't count: run tracers as root "
                 "outside of it; gdb works inside");
    else if (lacking.size == 0)
        fact_set(machine, VERDICT_YES, "you are %sroot, with all capabilities that tracers need",
                 geteuid() == 0 ? "" : "not ");
    else
        fact_set(machine, VERDICT_NO,
                 "you lack %s: run tracers as root; gdb needs none of it for your own processes",
                 lacking.bytes);
    free(lacking.bytes);
}

static void check_attaching(struct machine *machine)
{
    int uprobe = uprobe_attach("/proc/self/exe", 0, 0);
    char paranoid[32] = "unknown";

    if (uprobe == -ENODEV) /* the kernel has no uprobes, as the line above says */
        return;
    read_line("/proc/sys/kernel/perf_event_paranoid", paranoid, sizeof(paranoid));
    if (uprobe >= 0)
        close(uprobe);
    /*
     * The user may attach also if the kernel says that there is no instruction at offset 0, which
     * some kernels notice at once, and others only when it is mapped.
     */
    if (uprobe >= 0 || uprobe == -EINVAL || uprobe == -EIO)
        fact_set(machine, VERDICT_YES, "you may attach uprobes");
    else if (status_of(uprobe) == STATUS_FORBIDDEN)
        fact_set(machine, VERDICT_NO,
                 "you may not attach uprobes (%s; kernel.perf_event_paranoid is %s): be root, or "
                 "have CAP_PERFMON",
                 strerror(-uprobe), paranoid);
    else
        fact_set(machine, VERDICT_NO,
                 "a uprobe can't be attached: %s: use a kernel with CONFIG_UPROBE_EVENTS; gdb "
                 "works without it",
                 strerror(-uprobe));
}

static void check_tracefs(struct machine *machine)
{
    static const char *const paths[] = {"/sys/kernel/tracing/uprobe_events",
                                        "/sys/kernel/debug/tracing/uprobe_events"};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (access(paths[i], W_OK) == 0) {
            fact_set(machine, VERDICT_YES, "%s: you can watch memfd and file without a tool",
                     paths[i]);
            return;
        }
    fact_set(machine, VERDICT_NOTE,
             "not mounted, or you may not use it; perf needs it: as root, mount -t tracefs tracefs "
             "/sys/kernel/tracing");
}

const struct check kernel_checks[] = {
    {"kernel", check_kernel, NULL},         {"uprobes", check_uprobes, NULL},
    {"privileges", check_privileges, NULL}, {"attaching", check_attaching, NULL},
    {"tracefs", check_tracefs, NULL},       {NULL, NULL, NULL},
};
