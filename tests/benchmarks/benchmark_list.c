/* SPDX-License-Identifier: MIT */
/*
 * The questions of the benchmarks, with their contenders.
 */
#include "benchmark_list.h"

#include "lttng_session.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ------------------------------------------------------------ the cost when nobody watches -- */

static struct contender guard[] = {
    {"empty", "nothing (what the loop costs)", "rst", "guard-empty"},
    {"sdt", "sys/sdt.h: semaphore guard", "rst", "guard-sdt"},
    {"lttng", "lttng-ust: lttng_ust_tracepoint_enabled()", "lttng", "guard-lttng",
     .session = PLACE_OPTION},
    {"rst-enabled", "librst: RST_ENABLED()", "rst", "guard-rst-enabled"},
    {"rst-fire", "librst: RST_FIRE(), 3 arguments", "rst", "guard-rst-fire"},
    {"rst-semaphore", "librst: the semaphore's address kept (FFI, JIT)", "rst",
     "guard-rst-semaphore"},
    {"rst-function", "librst: rst_probe_enabled(), a function", "rst", "guard-rst-function"},
    {"stapsdt", "libstapsdt: probeIsEnabled(), a function", "stapsdt", "guard-stapsdt"},
};

static struct contender loop[] = {
    {"empty", "nothing (what the loop costs)", "rst", "loop-empty"},
    {"sdt", "sys/sdt.h: semaphore guard", "rst", "loop-sdt"},
    {"lttng", "lttng-ust: lttng_ust_tracepoint_enabled()", "lttng", "loop-lttng",
     .session = PLACE_OPTION},
    {"rst-enabled", "librst: RST_ENABLED()", "rst", "loop-rst-enabled"},
    {"rst-local", "librst: RST_ENABLED(), the handle in a local variable", "rst", "loop-rst-local"},
    {"rst-fire", "librst: RST_FIRE(), 3 arguments", "rst", "loop-rst-fire"},
};

static struct contender call[] = {
    {"loop", "nothing (what the loop costs)", "rst", "guard-empty"},
    {"empty", "an empty function", "rst", "call-empty"},
    {"pointer", "an empty function, through a pointer", "rst", "call-pointer"},
    {"rst-function", "librst: the probe's function", "rst", "call-rst-function"},
    {"rst-fire", "librst: rst_probe_fire(), guarded inside", "rst", "call-rst-fire"},
    {"stapsdt", "libstapsdt: probeFire(), variadic", "stapsdt", "call-stapsdt"},
    {"sdt", "sys/sdt.h: the nop, inline", "rst", "call-sdt"},
};

/* --------------------------------------------------------------------- being watched -- */

#define FIRE(way)                                                                                  \
    {"sdt", "sys/sdt.h", "rst", "fire-sdt", way}, {"rst", "librst", "rst", "fire-rst", way},       \
        {"rst-fast", "librst, RST_NOP=fast", "rst", "fire-rst", way, .nop = "fast"},               \
    {                                                                                              \
        "stapsdt", "libstapsdt", "stapsdt", "fire-stapsdt", way                                    \
    }

static struct contender fire_perf[] = {FIRE("perf")};
static struct contender fire_perf_bpf[] = {FIRE("perf-bpf")};
static struct contender fire_multi[] = {
    FIRE("multi"),
    {"lttng", "lttng-ust: an event recorded", "lttng", "fire-lttng", .session = SESSION_OPTION},
};

/* ----------------------------------------------------------------------------- hosts -- */

static struct contender host_c[] = {
    {"empty", "nothing (what the loop costs)", "rst", "loop-empty"},
    {"call", "an empty function", "rst", "loop-call"},
    {"fire", "RST_FIRE(), 3 arguments", "rst", "loop-rst-fire"},
    {"pointers", "by the semaphore's address and the function", "rst", "loop-rst-pointers"},
    {"fire-watched", "RST_FIRE(), watched", "rst", "fire-rst", "perf"},
    {"pointers-watched", "by the two pointers, watched", "rst", "fire-rst-pointers", "perf"},
};

/* `plain` is the same host without probes. */
#define HOST(plain, host, calls, allocations)                                                      \
    {"empty", "nothing (what the loop costs)", plain, "unwatched", "loop"},                        \
        {"call", calls ", without probes", plain, "unwatched", "call"},                            \
        {"call-probe", calls ", unwatched", host, "unwatched", "call"},                            \
        {"call-watched", calls ", watched", host, "watched", "call"},                              \
        {"allocate", allocations ", without probes", plain, "unwatched", "allocate"},              \
        {"allocate-probe", allocations ", unwatched", host, "unwatched", "allocate"},              \
    {                                                                                              \
        "allocate-watched", allocations ", watched", host, "watched", "allocate"                   \
    }

static struct contender host_lua[] = {
    HOST("lua-plain", "lua", "a call of an empty function", "a new table")};
static struct contender host_mruby[] = {
    HOST("mruby-plain", "mruby", "a call of an empty method", "a new string of 100 bytes")};

/* --------------------------------------------------------------------------- loading -- */

#define LOAD(id_prefix, label_prefix, worker_name, n)                                              \
    {                                                                                              \
        .id = id_prefix #n, .label = label_prefix, .worker = worker_name, .job = "load",           \
        .arg = "1 " #n, .series = label_prefix, .size = n                                          \
    }
#define BARE(n)                                                                                    \
    {                                                                                              \
        .id = "bare-" #n, .label = "librst, no arguments", .worker = "rst", .job = "load",         \
        .arg = "1 " #n " bare", .series = "librst, no arguments", .size = n                        \
    }
#define PROVIDERS(id_prefix, label_prefix, worker_name, n)                                         \
    {                                                                                              \
        .id = id_prefix #n, .label = label_prefix, .worker = worker_name, .job = "load",           \
        .arg = #n " 1", .series = label_prefix, .size = n                                          \
    }

static struct contender load[] = {
    LOAD("rst-", "librst", "rst", 1),
    LOAD("rst-", "librst", "rst", 10),
    LOAD("rst-", "librst", "rst", 100),
    LOAD("rst-", "librst", "rst", 1000),
    LOAD("rst-", "librst", "rst", 10000),
    LOAD("rst-", "librst", "rst", 100000),
    BARE(1),
    BARE(1000),
    BARE(100000),
    LOAD("stapsdt-", "libstapsdt", "stapsdt", 1),
    LOAD("stapsdt-", "libstapsdt", "stapsdt", 10),
    LOAD("stapsdt-", "libstapsdt", "stapsdt", 100),
    LOAD("stapsdt-", "libstapsdt", "stapsdt", 1000),
    LOAD("stapsdt-", "libstapsdt", "stapsdt", 10000),
};

static struct contender providers[] = {
    PROVIDERS("rst-", "librst", "rst", 1),
    PROVIDERS("rst-", "librst", "rst", 10),
    PROVIDERS("rst-", "librst", "rst", 100),
    PROVIDERS("rst-", "librst", "rst", 1000),
    PROVIDERS("stapsdt-", "libstapsdt", "stapsdt", 1),
    PROVIDERS("stapsdt-", "libstapsdt", "stapsdt", 10),
    PROVIDERS("stapsdt-", "libstapsdt", "stapsdt", 100),
    PROVIDERS("stapsdt-", "libstapsdt", "stapsdt", 1000),
};

#define ADD(id, label, worker_name, what)                                                          \
    {                                                                                              \
        id, label, worker_name, "add", "1 " what                                                   \
    }

static struct contender add[] = {
    ADD("rst-1000", "librst: one of 1,000 probes", "rst", "1000"),
    ADD("rst", "librst: one of 100,000 probes", "rst", "100000"),
    ADD("bare", "librst: one of 100,000 probes without arguments", "rst", "100000 bare"),
    ADD("stapsdt-1000", "libstapsdt: one of 1,000 probes", "stapsdt", "1000"),
    ADD("stapsdt", "libstapsdt: one of 100,000 probes", "stapsdt", "100000"),
};

#define ASKED(array) .contenders = (array), .count = COUNT(array)

struct question questions[] = {
    {"guard", "A guard nobody passes: 16 back to back", "empty", "sdt", false, 100, ASKED(guard)},
    {"loop", "A guard nobody passes: one in each turn of a loop", NULL, "sdt", false, 100,
     ASKED(loop)},
    {"call", "A probe called though nobody watches", "loop", "empty", false, 100, ASKED(call)},
    {"fire-perf", "A traced fire: perf_event_open(2), counting", NULL, "sdt", false, 100,
     ASKED(fire_perf)},
    {"fire-perf-bpf", "A traced fire: perf event with a BPF program", NULL, "sdt", false, 100,
     ASKED(fire_perf_bpf)},
    {"fire-multi", "A traced fire: uprobe-multi link with a BPF program", NULL, "sdt", false, 100,
     ASKED(fire_multi)},
    {"host-c", "A probe in C, in each turn of a loop", "empty", "call", false, 100, ASKED(host_c)},
    {"host-lua", "Probes in Lua 5.4, by a host in C", "empty", "call", false, 100, ASKED(host_lua)},
    {"host-mruby", "Probes in mruby, by a host in C", "empty", "call", false, 100,
     ASKED(host_mruby)},
    {"add", "Adding probes to a provider: each", NULL, "rst", true, 30, ASKED(add)},
    {"load", "Loading one provider of many probes", NULL, NULL, true, 30, ASKED(load)},
    {"providers", "Loading many providers of one probe", NULL, NULL, true, 30, ASKED(providers)},
};

const size_t question_count = COUNT(questions);
