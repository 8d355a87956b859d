/* SPDX-License-Identifier: MIT */
/* In place of kernel.c, load.c, attach.c, overlay.c and ring.c where rst is built without libbpf.
 */
#include <errno.h>

#include "cli/trace/bpf/bpf.h"
#include "error.h"

int bpf_try(struct bpf_kernel *ret)
{
    (void)ret;
    return rst_fail(ENOTSUP, "rst was built without libbpf, so it can't trace by itself: use "
                             "--for bpftrace, perf, gdb, bcc, dtrace or tracefs");
}

int bpf_load(const struct plan *plan, struct bpf **ret)
{
    struct bpf_kernel none;

    (void)plan, (void)ret;
    return bpf_try(&none);
}

/* As nothing can be loaded, the others are never called. */
int bpf_attach(struct bpf *bpf, size_t *ret_gone)
{
    (void)bpf;
    *ret_gone = 0;
    return -ENOTSUP;
}

void bpf_detach(struct bpf *bpf)
{
    (void)bpf;
}

void bpf_free(struct bpf *bpf)
{
    (void)bpf;
}

int bpf_descriptor(const struct bpf *bpf)
{
    (void)bpf;
    return -1;
}

void bpf_read(struct bpf *bpf, bpf_take *take, void *context)
{
    (void)bpf, (void)take, (void)context;
}

bool bpf_is_empty(const struct bpf *bpf)
{
    (void)bpf;
    return true;
}

uint64_t bpf_lost(const struct bpf *bpf)
{
    (void)bpf;
    return 0;
}

uint64_t bpf_uncounted(const struct bpf *bpf)
{
    (void)bpf;
    return 0;
}

int bpf_counts(struct bpf *bpf, bpf_take_count *take, void *context)
{
    (void)bpf, (void)take, (void)context;
    return -ENOTSUP;
}
