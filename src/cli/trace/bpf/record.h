/* SPDX-License-Identifier: MIT */
/*
 * What a program writes into the ring buffer for each hit, and the keys of counts. The emitter
 * (emitter.c) writes these bytes, and event.c checks and reads them. A record:
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

#include <stdint.h>

#include "cli/trace/plan/options.h"

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

/* State of a count's key: what there is of the argument in --by. */
enum { KEY_VALUE, KEY_NULL, KEY_UNREADABLE };

/*
 * The bucket of a histogram. Integers: 0 for 0, else the sign times the number of bits of the
 * magnitude. Floats: the sign times the exponent's bits. This one is of an argument that could not
 * be read.
 */
#define BUCKET_UNREADABLE INT32_MIN

/*
 * Key of the counts with --by or --hist: a hash map for each CPU, of uint64_t. Without both, counts
 * are an array for each CPU, of uint64_t by variant. The map must be preallocated.
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
 * What programs count that has no room elsewhere: a map of the type array with one value, which is
 * uint64_t[COUNTERS]. rst may map it (BPF_F_MMAPABLE).
 */
enum { COUNTER_LOST, COUNTER_UNCOUNTED /* the map of counts was full */, COUNTERS };

#endif
