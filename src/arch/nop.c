/* SPDX-License-Identifier: MIT */
/*
 * What the x86_64 kernel does at a watched site:
 *
 *     up to 6.17     emulates nop1; a nop5 is single-stepped (slow) before 6.16
 *     6.18 to 7.2    turns a nop5 into a call to a trampoline (fast), which a forked child lacks:
 *                    it crashes unless its text is mapped afresh before it fires
 *     7.3 on         turns a nop10 into such a call, and safely; traps at a nop5
 *
 * So the site gets a nop10 from 7.3 on, a nop5 on 6.18 to 7.2 if the user asks for it, and a nop1
 * everywhere else.
 *
 * The kernel's release is not enough to tell: 7.2.13 does what 7.3 does, and a distribution's
 * kernel may have gained or lost either behaviour. The system call uprobe(2) tells. Called from
 * anywhere but the trampoline, it fails with EPROTO in a kernel that turns a nop10 into a call,
 * with ENXIO in one that turns a nop5 into a call, and with ENOSYS where it does not exist. It must
 * not be called on older kernels, nor under a seccomp filter, which may kill a process for a system
 * call that it does not know.
 */
#include "arch/nop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "error.h"

#define SYSCALL_UPROBE 336

/* The first kernel whose uprobe(2) tells which nop is fast. */
#define FIRST_MAJOR 6
#define FIRST_MINOR 18

/* The errno of uprobe(2), or 0 if it must not be called. */
static int probe_uprobe(void)
{
#if defined(__x86_64__)
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0)
        return 0;
    return syscall(SYSCALL_UPROBE) < 0 ? errno : 0;
#else
    return 0;
#endif
}

/* Whether a release like "6.18.44-amd64" is 6.18 or later. */
static bool may_be_asked(const char *release)
{
    char *end;
    long major = strtol(release, &end, 10), minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;

    return major > FIRST_MAJOR || (major == FIRST_MAJOR && minor >= FIRST_MINOR);
}

enum rst_nop rst_nop_for(const char *release, bool fast, int (*probe)(void))
{
    if (!may_be_asked(release))
        return RST_NOP1;
    switch (probe()) {
    case EPROTO:
        return RST_NOP10;
    case ENXIO:
        return fast ? RST_NOP5 : RST_NOP1;
    default:
        return RST_NOP1;
    }
}

int rst_nop_choose(enum rst_nop *ret)
{
    const char *wish = secure_getenv("RST_NOP");
    bool fast = wish && strcmp(wish, "fast") == 0;
    struct utsname name;
    int error = errno;

    if (wish && *wish && !fast)
        return rst_fail(EINVAL, "RST_NOP=%s is unknown; the only value is \"fast\"",
                        rst_quote(wish).text);
    *ret = uname(&name) < 0 ? RST_NOP1 : rst_nop_for(name.release, fast, probe_uprobe);
    errno = error;
    return 0;
}
