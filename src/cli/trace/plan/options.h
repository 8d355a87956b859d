/* SPDX-License-Identifier: MIT */
/* What the command line of rst trace asks for. */
#ifndef CLI_TRACE_OPTIONS_H
#define CLI_TRACE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/find/find.h"

#define TRACE_STRING_BYTES 256 /* how much of a string is shown without --string-bytes */
#define TRACE_MOST_STRING_BYTES 4096
#define TRACE_KEY_BYTES 64 /* how much of a string --by tells apart */
#define TRACE_MOST_KEYS 65536

enum trace_mode { TRACE_EVENTS, TRACE_COUNT, TRACE_HISTOGRAM };

struct trace_options {
    struct search search;
    enum trace_mode mode;
    const char *hist, *by, *filter, *tool;
    const char **strings; /* arguments to show as strings, whatever their operands are */
    size_t string_count;
    uint64_t string_bytes;
    bool stack, json, print, top;
    uint64_t hits;         /* 0: without end */
    uint64_t milliseconds; /* --seconds; 0: without end */
    uint64_t every;        /* --every, in milliseconds; 0: only at the end */
};

#endif
