/* SPDX-License-Identifier: MIT */
/* In place of run.c, and all that it needs to trace, where rst is built without libbpf. */
#include <errno.h>

#include "cli/base/command.h"
#include "cli/trace/bpf/bpf.h"
#include "cli/trace/run.h"
#include "error.h"

int bpf_try(struct bpf_kernel *ret)
{
    (void)ret;
    return rst_fail(ENOTSUP, "rst was built without libbpf, so it can't trace by itself: use "
                             "--for bpftrace, perf, gdb, bcc, dtrace or tracefs");
}

enum status run_trace(struct plan *plan)
{
    struct bpf_kernel none;

    (void)plan;
    return say_failure(bpf_try(&none));
}
