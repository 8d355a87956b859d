/* SPDX-License-Identifier: MIT */
/*
 * Runs a BPF program at a site of this very process: maps, loading, attaching and the ring buffer,
 * by bpf(2) and without the command's own code for these.
 */
#ifndef TEST_BPF_HOST_H
#define TEST_BPF_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/trace/bpf/bpf.h"

/* The registers of the site, as in struct pt_regs. */
#if defined(__aarch64__)
enum { SITE_IP = 32, SITE_SP = 31, SITE_REGISTERS = 34 };
#else
enum { SITE_IP = 16, SITE_SP = 19, SITE_REGISTERS = 21 };
#endif

/* A site with these registers, even the stack pointer, but not ip. For one thread. */
void site_fire(const uint64_t registers[SITE_REGISTERS]);
uint64_t site_address(void);
const struct context *site_context(void);

/* Skip the cmocka test, with the reason, if programs can't be loaded and attached here. */
void need_bpf(void);

/* What this kernel can do: sleep in a uprobe's program (6.0), tell attachments apart (5.15). */
bool bpf_has_sleepable(void);
bool bpf_has_cookies(void);

int bpf_map(int type, uint32_t key_size, uint32_t value_size, uint32_t entries, uint32_t flags);

/*
 * Load a program; for links to many sites, or for perf events. Fails the test, with the end of the
 * verifier's words, if it is refused.
 */
int bpf_program_multi(const struct program *program, bool sleepable);
int bpf_program(const struct program *program, bool sleepable);

/* How many instructions the verifier looked at in the last one. */
uint32_t bpf_verified(void);

/*
 * Run a program once at the site, with a cookie of BPF_COOKIE. Quick for a program that does not
 * sleep: it is called by one that stays attached. To detach one takes Linux 6.18 about 30 ms.
 */
#define BPF_COOKIE 7
void bpf_run(int program, bool sleepable, const uint64_t registers[SITE_REGISTERS]);

bool bpf_lookup(int map, const void *key, void *ret_value);
void bpf_update(int map, const void *key, const void *value);
void bpf_remove(int map, const void *key);

/* A ring buffer. */
struct bpf_ring {
    int map;
    size_t size;
    uint64_t *consumer, *producer;
    const uint8_t *data;
};

void bpf_ring_open(struct bpf_ring *ret, size_t size);
void bpf_ring_close(struct bpf_ring *ring);

/* The next record, or NULL. Valid until bpf_ring_pass(). */
const void *bpf_ring_next(struct bpf_ring *ring, size_t *ret_size);
void bpf_ring_pass(struct bpf_ring *ring);

#endif
