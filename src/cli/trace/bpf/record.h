/* SPDX-License-Identifier: MIT */
/*
 * What a program writes into the ring buffer for each hit, and how counts are kept. The emitter
 * writes these bytes; record.c and counts.c check and read them. A record:
 *
 *     struct record
 *     uint64_t values[]  of each argument: a number, extended to 64 bits by its sign; a string's
 *                        address
 *     strings[]          of each string argument: uint32_t size; char bytes[RECORD_STRING_ROOM()]
 *     uint64_t frames[]  --stack: room for RECORD_MOST_FRAMES, of which frame_size bytes are valid
 *
 * A string's size includes its NUL. It is 0 for null and for an unreadable string, and string_bytes
 * + 2 for one that is cut. What follows in its room is not defined. Without frames the record may
 * end with the last string's last byte.
 */
#ifndef CLI_TRACE_RECORD_H
#define CLI_TRACE_RECORD_H

#include "cli/trace/plan/plan.h"

struct record {
    uint64_t time;    /* nanoseconds of CLOCK_BOOTTIME, once all pages are there */
    uint32_t variant; /* in plan.variants */
    uint32_t cpu;
    uint32_t pid, tid;   /* in rst's PID namespace; 0: the process is not in it */
    uint32_t unreadable; /* bit N: argument N, or the string at its address, could not be read */
    uint32_t frame_size; /* bytes of frames; 0: none */
    char comm[16];       /* after its NUL not defined */
};

#define RECORD_MOST_FRAMES 127

/* A multiple of 8, less the size's 4, with room for string_bytes + 2. */
#define RECORD_STRING_ROOM(string_bytes) ((((string_bytes) + 13) & ~(size_t)7) - 4)

/* A hit, read from its record. */
struct event_string {
    const char *bytes; /* not NUL-terminated; in the record */
    size_t size;
    bool cut;
};

struct event {
    uint64_t time;
    const struct plan_variant *variant;
    const struct plan_probe *probe;
    uint32_t cpu;
    pid_t pid, tid;
    char comm[17];
    uint32_t unreadable;
    uint64_t values[USDT_MOST_ARGUMENTS];
    struct event_string strings[USDT_MOST_ARGUMENTS]; /* of string arguments that are not null */
    const uint64_t *frames;                           /* program counters, the innermost first */
    size_t frame_count;
};

/*
 * Read a record, which is not trusted. Gives whether it is valid. `ret` refers to `bytes`, which
 * must be aligned to 8.
 */
bool event_read(const struct plan *plan, const void *bytes, size_t size, struct event *ret);

/* State of a count's key: what there is of the argument in --by. */
enum { KEY_VALUE, KEY_NULL, KEY_UNREADABLE };

/*
 * The bucket of a histogram. Integers: 0 for 0, else the sign times the number of bits of the
 * magnitude. Floats: the sign times the exponent's bits. This one is of an argument that could not
 * be read.
 */
#define BUCKET_UNREADABLE INT32_MIN

/*
 * Key of the counts with --by or --hist: a hash map for each CPU, which must be preallocated.
 * Without both, counts are an array for each CPU, by variant.
 */
struct count_key {
    uint32_t variant;
    int32_t bucket; /* of --hist; else 0 */
    uint32_t state;
    uint32_t size; /* of a string in `by`, without a NUL; TRACE_KEY_BYTES + 1: it is cut */
    union {
        uint64_t number;            /* 0 without --by; its bits as in a record */
        char text[TRACE_KEY_BYTES]; /* after `size` not defined before Linux 5.10, else 0 */
    } by;
};

/* The size of keys in the map: whether any probe's --by is a string decides for all. */
#define COUNT_KEY_SIZE(has_strings) ((has_strings) ? sizeof(struct count_key) : 24)

/*
 * A CPU's count. --hist adds the magnitudes of the values, which for floats are their bits without
 * the sign: the lower and the upper halves by themselves, so that each fits 2^32 times. And the
 * highest key (filter.h) of the values; of a signed one with its top bit inverted, so that 0 is the
 * least.
 */
struct count_value {
    uint64_t count, low_halves, high_halves, highest;
};

struct count_sum {
    uint64_t count;
    wide magnitudes;
    uint64_t highest;
};

#define COUNT_VALUE_SIZE(mode)                                                                     \
    ((mode) == TRACE_HISTOGRAM ? sizeof(struct count_value) : sizeof(uint64_t))

/*
 * What programs count that has no room elsewhere: a map of the type array with one value, which is
 * uint64_t[COUNTERS]. rst may map it (BPF_F_MMAPABLE).
 */
enum {
    COUNTER_LOST,      /* the ring buffer was full */
    COUNTER_UNCOUNTED, /* the map of counts was full */
    COUNTER_CROWDED,   /* all slots were taken: see slot.c */
    COUNTERS
};

#endif
