/* SPDX-License-Identifier: MIT */
/*
 * What a program writes into the ring buffer for each hit, and the keys of counts. The emitter
 * (program.c) writes these bytes, and event.c checks and reads them.
 *
 *     struct record
 *     uint64_t values[arguments]      a number's bits, extended to 64 by its sign; a string's
 * address for each string argument: uint32_t size               bytes that were read, with the NUL;
 * more than string_bytes + 1: the string is cut char bytes[string_room]     string_room: a multiple
 * of 8, less 4, with room for string_bytes + 2 uint64_t frames[]               --stack: to the
 * record's end
 */
#ifndef CLI_TRACE_RECORD_H
#define CLI_TRACE_RECORD_H

#include <stdint.h>

#include "cli/trace/plan/options.h"

struct record {
    uint64_t time;    /* nanoseconds of CLOCK_BOOTTIME */
    uint32_t variant; /* in plan.variants */
    uint32_t cpu;
    uint32_t pid, tid; /* in rst's PID namespace; 0: the process is not in it */
    uint32_t
        unreadable; /* bit N: argument N could not be read; of a string, its bytes or its address */
    uint32_t frame_size; /* bytes of frames; 0: none */
    char comm[16];
};

#define RECORD_MOST_FRAMES 127

/* State of a count's key. */
enum { KEY_VALUE, KEY_NULL, KEY_UNREADABLE };

/* Key of the counts with --by or --hist. Without both, counts are an array by variant. */
struct count_key {
    uint32_t variant;
    int32_t bucket; /* --hist: see program.h; else 0 */
    uint32_t state;
    uint32_t size; /* of a string in `by`, without a NUL; TRACE_KEY_BYTES + 1: it is cut */
    union {
        uint64_t number; /* 0 without --by */
        char text[TRACE_KEY_BYTES];
    } by;
};

/* The size of keys in the map: whether any probe's --by is a string decides for all. */
#define COUNT_KEY_SIZE(has_strings) ((has_strings) ? sizeof(struct count_key) : 24)

/* The array of counters that programs add to, and rst maps. */
enum { COUNTER_LOST, COUNTER_UNCOUNTED /* the map of counts was full */, COUNTERS };

#endif
