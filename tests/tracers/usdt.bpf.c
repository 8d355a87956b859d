/* SPDX-License-Identifier: MIT */
/*
 * The kernel's half of the libbpf tracer: reads all arguments of a probe, and sends them to the
 * other half.
 */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

#include "usdt_hit.h"

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 20);
} hits SEC(".maps");

static __always_inline void send(struct pt_regs *context, __u64 cookie, int index, int count)
{
    struct usdt_hit *hit = bpf_ringbuf_reserve(&hits, sizeof(*hit), 0);
    long value = count, size;

    if (!hit)
        return;
    hit->probe = COOKIE_PROBE(cookie);
    hit->index = index;
    hit->error = index < 0 ? 0 : bpf_usdt_arg(context, index, &value);
    hit->value = value;
    hit->text_size = 0;
    if (index >= 0 && COOKIE_IS_STRING(cookie, index)) {
        size = bpf_probe_read_user_str(hit->text, sizeof(hit->text), (const void *)value);
        hit->text_size = size;
    }
    bpf_ringbuf_submit(hit, 0);
}

SEC("usdt")
int watch(struct pt_regs *context)
{
    __u64 cookie = bpf_usdt_cookie(context);
    int count = bpf_usdt_arg_cnt(context);

    send(context, cookie, -1, count);
    for (int i = 0; i < HIT_MAX_ARGS; i++)
        if (i < count)
            send(context, cookie, i, count);
    return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
