/* SPDX-License-Identifier: MIT */
/*
 * What the x86_64 kernel does at a watched site:
 *
 *     up to 6.17     emulates nop1; a nop5 is single-stepped (slow) before 6.16
 *     6.18 to 7.2    turns a nop5 into a call to a trampoline (fast), which a forked child lacks:
 *                    it crashes unless its text is mapped afresh before it fires
 *     7.3 on         does so with a nop10, and safely; a nop5 is left a trap
 *
 * So: nop10 from 7.3 on; nop5 on 6.18 to 7.2 for those who ask for it; nop1 everywhere else.
 *
 * The release alone does not tell: 7.2.13 does as 7.3 does, and a distribution's kernel may have
 * gained or lost either. uprobe(2), called from anywhere but the trampoline, fails with EPROTO
 * where it is a nop10 that is turned into a call, with ENXIO where it is a nop5, and with ENOSYS
 * where it does not exist. But older kernels must not be asked, nor through a seccomp filter, which
 * may kill a process for a call that it doesn't know.
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

/* The first kernel whose uprobe(2) tells anything of use. */
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

/* Whether a release, "6.18.44-amd64" say, is 6.18 or later. */
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
        return rst_fail(EINVAL, "RST_NOP=%s is not known; the one value is \"fast\"",
                        rst_quote(wish).text);
    *ret = uname(&name) < 0 ? RST_NOP1 : rst_nop_for(name.release, fast, probe_uprobe);
    errno = error;
    return 0;
}
