/* SPDX-License-Identifier: MIT */
/*
 * Random variants of a probe, with filters, for the programs of `rst trace`; and what such a
 * program must do at a site, computed in C from the registers and the memory of this process.
 */
#ifndef TEST_BPF_MODEL_H
#define TEST_BPF_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf_host.h"
#include "cli/trace/plan/filter.h"

/* The same numbers for the same seed. */
uint64_t model_random(uint64_t below);
void model_seed(uint64_t seed);

struct model {
    struct plan plan;
    struct plan_probe probe;
    struct plan_variant variant;
    struct program_options options;
    uint64_t registers[SITE_REGISTERS];

    /* Set by model_evaluate(). */
    uint64_t values[USDT_MOST_ARGUMENTS];
    uint32_t unreadable;
    bool holds; /* the filter */
};

/*
 * A variant with at most so many arguments and a filter of about so many comparisons (0: none), and
 * registers for it. The descriptors in its options are the caller's to set.
 */
void model_make(struct model *ret, size_t most_arguments, size_t comparisons);
void model_free(struct model *model);

/* The parts of model_evaluate(). */
void model_read_values(struct model *model);

/* Read what can be read, page by page: gives how many bytes that is. */
size_t model_read(uint64_t address, void *ret, size_t size);

/* A number's key in a comparison (filter.h). */
uint64_t model_order(const struct plan_value *value, uint64_t bits);

/* What a hit is. Makes the memory that it reads resident. */
void model_evaluate(struct model *model);

/* Read a string as the kernel's helper does: its size with the NUL, or -1. */
int64_t model_string(uint64_t address, char *ret, size_t size);

/* The key in the map of counts; and what --hist adds to the value. */
void model_key(const struct model *model, struct count_key *ret);
void model_value(const struct model *model, struct count_value *ret);

#endif
