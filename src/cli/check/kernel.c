/* SPDX-License-Identifier: MIT */
/*
 * What the kernel offers, and what it lets this user do.
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

/* The kernel counts a probe's watchers from there on. */
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
        fact_advise(fact, "it does not count a probe's watchers; that takes 4.20 or newer");
    } else if (strcmp(name.machine, "x86_64") != 0) {
        fact->verdict = VERDICT_NO;
        fact_advise(fact, "librst loads probes on x86_64 alone, as yet; 'rst list' works");
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
    fact_advise(fact, "a kernel with CONFIG_UPROBE_EVENTS is needed; gdb works without");
    return true;
}

/* --------------------------------------------------------------------- privileges -- */

static const struct {
    const char *name;
    unsigned bit;
} capabilities[] = {{"CAP_BPF", 39}, {"CAP_PERFMON", 38}, {"CAP_SYS_PTRACE", 19}};

#define CAPABILITIES (sizeof(capabilities) / sizeof(capabilities[0]))
#define SYS_ADMIN 21

/* By the system call, which /proc need not be there for. */
static uint64_t effective_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0}};

    if (syscall(SYS_capget, &header, sets) < 0)
        return 0;
    return (uint64_t)sets[1].effective << 32 | sets[0].effective;
}

/* In a user namespace of one's own, one has every capability, and none of them over the kernel. */
static bool in_first_namespace(void)
{
    char line[64], *at = line;
    unsigned long inside, outside, count; /* of the first user ids that the namespace has */

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
    for (size_t i = 0; i < CAPABILITIES; i++) /* CAP_SYS_ADMIN has BPF and PERFMON in it */
        if (!(set >> capabilities[i].bit & 1) && (i == CAPABILITIES - 1 || !(set >> SYS_ADMIN & 1)))
            text_addf(&lacking, "%s%s", lacking.size ? ", " : "", capabilities[i].name);
    if (!in_first_namespace()) {
        fact_set(fact, VERDICT_NO, "you are in a user namespace, whose capabilities don't count");
        fact_advise(fact, "run tracers as root outside of it; gdb works within");
    } else if (lacking.size == 0) {
        fact_set(fact, VERDICT_YES, "%s, with all that tracers need",
                 geteuid() == 0 ? "you are root" : "you are not root");
    } else {
        fact_set(fact, VERDICT_NO, "you lack %s", lacking.bytes);
        fact_advise(fact, "run tracers as root; gdb needs none of it for your own processes");
    }
    free(lacking.bytes);
    return true;
}

/* There is no instruction at 0, which some kernels mind at once, and others not before it is
 * mapped. */
static bool was_let_try(int uprobe)
{
    return uprobe >= 0 || uprobe == -EINVAL || uprobe == -EIO;
}

static bool check_attaching(struct machine *machine, struct fact *fact)
{
    char paranoid[32] = "unknown";
    int uprobe = uprobe_attach("/proc/self/exe", 0, 0);

    (void)machine;
    if (uprobe == -ENODEV) /* there are none, as the line above says */
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
        fact_advise(fact, "a kernel with CONFIG_UPROBE_EVENTS is needed; gdb works without");
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
            fact_set(fact, VERDICT_YES, "%s: memfd and file, without any tool", paths[i]);
            return true;
        }
    fact_set(fact, VERDICT_NOTE, "not mounted, or not for you; perf needs it");
    fact_advise(fact, "as root, mount -t tracefs tracefs /sys/kernel/tracing");
    return true;
}

const struct check kernel_checks[] = {
    {"kernel", check_kernel},       {"uprobes", check_uprobes}, {"privileges", check_privileges},
    {"attaching", check_attaching}, {"tracefs", check_tracefs}, {NULL, NULL},
};
