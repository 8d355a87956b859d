/* SPDX-License-Identifier: MIT */
/*
 * The records of a trace, in the order of their time.
 *
 * A thread moves them from the ring buffer into memory, up to a limit, so that nothing is lost
 * while writing them is slow. A record whose time is later than that of a younger one may be
 * written a moment before it; so a record waits until all that can come before it have come.
 */
#ifndef CLI_TRACE_QUEUE_H
#define CLI_TRACE_QUEUE_H

#include "cli/trace/bpf/bpf.h"

struct queue;

struct queued {
    const void *bytes; /* aligned to 8; valid until the next call */
    size_t size;
    uint64_t lost; /* the hits that had been lost when it was read; bpf_lost() */
};

enum queue_state {
    QUEUE_READY, /* `ret` is the next record */
    QUEUE_WAIT,  /* there is none yet */
    QUEUE_END    /* there will be none */
};

/*
 * `see` is called with each record soon after it came, in no order; it may be NULL. Gives 0, or a
 * negative errno and a message.
 */
int queue_start(struct bpf *bpf, bpf_take *see, void *context, struct queue **ret);

/* After bpf_detach(): the thread reads what is in the ring buffer, and ends. */
void queue_finish(struct queue *queue);
void queue_free(struct queue *queue); /* NULL is allowed */

enum queue_state queue_next(struct queue *queue, struct queued *ret);

/* A descriptor for poll(): readable when records have come. */
int queue_descriptor(const struct queue *queue);

/* After QUEUE_WAIT: how many milliseconds poll() may wait; -1: without end. */
int queue_patience(const struct queue *queue);

#endif
