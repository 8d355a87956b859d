/* SPDX-License-Identifier: MIT */
/*
 * What the kernel can do, and what it allows this user.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/base/number.h"
#include "cli/check/check.h"
#include "cli/check/uprobe.h"

/* The first kernel that counts a probe's tracers: 4.20. */
#define FIRST_VERSION 420

static bool check_kernel(struct machine *machine, struct fact *fact)
{
    struct utsname name;

    (void)machine;
    if (uname(&name) < 0)
        return false;
    fact_set(fact, VERDICT_YES, "Linux %s, %s", name.release, name.machine);
    if (version_number(name.release) < FIRST_VERSION) {
        fact->verdict = VERDICT_NO;
        fact_advise(fact, "it does not count a probe's tracers; 4.20 and newer do");
    } else if (strcmp(name.machine, "x86_64") != 0) {
        fact->verdict = VERDICT_NO;
        fact_advise(fact, "librst loads probes only on x86_64 so far; 'rst list' works");
    }
    return true;
}

static bool check_uprobes(struct machine *machine, struct fact *fact)
{
    char line[32];

    (void)machine;
    if (read_line("/sys/bus/event_source/devices/uprobe/type", line, sizeof(line))) {
        fact_set(fact, VERDICT_YES, "the kernel has uprobes");
        return true;
    }
    fact_set(fact, VERDICT_NO, "the kernel has no uprobes, or /sys is not mounted");
    fact_advise(fact, "use a kernel with CONFIG_UPROBE_EVENTS; gdb works without it");
    return true;
}

/* --------------------------------------------------------------------- privileges -- */

static const struct {
    const char *name;
    unsigned bit;
} capabilities[] = {{"CAP_BPF", 39}, {"CAP_PERFMON", 38}, {"CAP_SYS_PTRACE", 19}};

#define CAPABILITIES (sizeof(capabilities) / sizeof(capabilities[0]))
#define SYS_ADMIN 21

/* By a system call, as /proc may not be mounted. */
static uint64_t effective_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0}};

    if (syscall(SYS_capget, &header, sets) < 0)
        return 0;
    return (uint64_t)sets[1].effective << 32 | sets[0].effective;
}

/*
 * In a user namespace of their own, users have every capability, but none of them counts in the
 * kernel.
 */
static bool in_first_namespace(void)
{
    char line[64], *at = line;
    unsigned long inside, outside, count; /* the first range of user ids in the namespace */

    if (!read_line("/proc/self/uid_map", line, sizeof(line)))
        return true;
    inside = strtoul(at, &at, 10);
    outside = strtoul(at, &at, 10);
    count = strtoul(at, &at, 10);
    return inside == 0 && outside == 0 && count == UINT32_MAX;
}

static bool check_privileges(struct machine *machine, struct fact *fact)
{
    uint64_t set = effective_capabilities();
    struct text lacking = {0};

    (void)machine;
    for (size_t i = 0; i < CAPABILITIES; i++) /* CAP_SYS_ADMIN includes CAP_BPF and CAP_PERFMON */
        if (!(set >> capabilities[i].bit & 1) && (i == CAPABILITIES - 1 || !(set >> SYS_ADMIN & 1)))
            text_addf(&lacking, "%s%s", lacking.size ? ", " : "", capabilities[i].name);
    if (!in_first_namespace()) {
        fact_set(fact, VERDICT_NO, "you are in a user namespace, whose capabilities don't count");
        fact_advise(fact, "run tracers as root outside of it; gdb works inside");
    } else if (lacking.size == 0) {
        fact_set(fact, VERDICT_YES, "%s, with all capabilities that tracers need",
                 geteuid() == 0 ? "you are root" : "you are not root");
    } else {
        fact_set(fact, VERDICT_NO, "you lack %s", lacking.bytes);
        fact_advise(fact, "run tracers as root; gdb needs none of it for your own processes");
    }
    free(lacking.bytes);
    return true;
}

/*
 * These errors mean that the user may attach: there is no instruction at offset 0, which some
 * kernels notice at once, and others only when it is mapped.
 */
static bool was_let_try(int uprobe)
{
    return uprobe >= 0 || uprobe == -EINVAL || uprobe == -EIO;
}

static bool check_attaching(struct machine *machine, struct fact *fact)
{
    char paranoid[32] = "unknown";
    int uprobe = uprobe_attach("/proc/self/exe", 0, 0);

    (void)machine;
    if (uprobe == -ENODEV) /* the kernel has no uprobes, as the line above says */
        return false;
    read_line("/proc/sys/kernel/perf_event_paranoid", paranoid, sizeof(paranoid));
    if (uprobe >= 0)
        close(uprobe);
    if (was_let_try(uprobe)) {
        fact_set(fact, VERDICT_YES, "you may attach uprobes");
        return true;
    }
    if (!uprobe_is_refused(uprobe)) {
        fact_set(fact, VERDICT_NO, "a uprobe can't be attached: %s", strerror(-uprobe));
        fact_advise(fact, "use a kernel with CONFIG_UPROBE_EVENTS; gdb works without it");
        return true;
    }
    fact_set(fact, VERDICT_NO, "you may not attach uprobes (%s; kernel.perf_event_paranoid is %s)",
             strerror(-uprobe), paranoid);
    fact_advise(fact, "be root, or have CAP_PERFMON");
    return true;
}

static bool check_tracefs(struct machine *machine, struct fact *fact)
{
    static const char *const paths[] = {"/sys/kernel/tracing/uprobe_events",
                                        "/sys/kernel/debug/tracing/uprobe_events"};

    (void)machine;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (access(paths[i], W_OK) == 0) {
            fact_set(fact, VERDICT_YES, "%s: you can watch memfd and file without a tool",
                     paths[i]);
            return true;
        }
    fact_set(fact, VERDICT_NOTE, "not mounted, or you may not use it; perf needs it");
    fact_advise(fact, "as root, mount -t tracefs tracefs /sys/kernel/tracing");
    return true;
}

const struct check kernel_checks[] = {
    {"kernel", check_kernel},       {"uprobes", check_uprobes}, {"privileges", check_privileges},
    {"attaching", check_attaching}, {"tracefs", check_tracefs}, {NULL, NULL},
};
