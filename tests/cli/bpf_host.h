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

#include "cli/trace/bpf/program.h"

/* The registers of the site, as in struct pt_regs. All but sp and ip are set before the site. */
enum { SITE_IP = 16, SITE_SP = 19, SITE_REGISTERS = 21 };

/* A site with these registers; sets sp and ip to what they were. */
void site_fire(uint64_t registers[SITE_REGISTERS]);

/* Skip the cmocka test, with the reason, if programs can't be loaded and attached here. */
void need_bpf(void);

int bpf_map(int type, uint32_t key_size, uint32_t value_size, uint32_t entries, uint32_t flags);

/* Load a program. Fails the test, with the end of the verifier's words, if it is refused. */
int bpf_program(const struct program *program, bool sleepable);

/* How many instructions the verifier looked at. */
uint32_t bpf_program_verified(int program);

/* Attach to the site; close the descriptor to detach. */
int bpf_site(int program, uint64_t cookie);

bool bpf_lookup(int map, const void *key, void *ret_value);
bool bpf_next_key(int map, const void *key, void *ret_next);

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
