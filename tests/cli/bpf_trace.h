/* SPDX-License-Identifier: MIT */
/* A trace of one site by a BPF program of `rst trace`, for tests. */
#ifndef TEST_BPF_TRACE_H
#define TEST_BPF_TRACE_H

#include "bpf_host.h"
#include "bpf_values.h"
#include "cli/trace/bpf/record.h"
#include "cli/trace/plan/filter.h"

/* Its probe has the arguments uint64, string, int32, in the registers that librst uses. */
struct trace {
    struct plan plan;
    struct plan_probe probe;
    struct plan_variant variant;
    struct program_options options;
    struct bpf_ring ring;
    uint64_t registers[SITE_REGISTERS];
};

/* `ring` is the size of the ring buffer. */
void trace_open(struct trace *trace, size_t ring);
void trace_close(struct trace *trace);
void trace_set_string(struct trace *trace, const void *string);

/* Make the program, and run it at the site. */
void trace_fire(struct trace *trace);

/* One of the COUNTERS. */
uint64_t trace_counter(const struct trace *trace, int which);

/* The next record. */
struct seen {
    struct record head;
    uint32_t size; /* of the string */
    char string[TRACE_MOST_STRING_BYTES + 2];
};

bool trace_next(struct trace *trace, struct seen *ret);

#endif
