/* SPDX-License-Identifier: MIT */
/*
 * rst trace: what to watch. The parts of trace/, from the bottom up:
 *
 *     plan/   the probes, their sites and arguments; --filter
 *     bpf/    the programs that the kernel runs at each site; attaching; reading their records
 *     show/   prints events, totals, histograms and stacks
 *     tools/  --for: the same with other tracers, by hand
 *     queue.c records in the order of their time
 *     run.c   a trace from its start to its end
 *     trace.c the command line, and --print
 *
 * A probe may have several sites (a compiler inlined it, or several files have it). Sites with the
 * same operands are a variant of the probe: one program serves all sites of a variant, and each
 * record says which variant it came from.
 */
#ifndef CLI_TRACE_PLAN_H
#define CLI_TRACE_PLAN_H

#include "cli/base/text.h"
#include "cli/find/find.h"
#include "cli/usdt/context.h"
#include "cli/usdt/location.h"
#include "cli/usdt/operand.h"

#define TRACE_STRING_BYTES 256 /* how much of a string is shown without --string-bytes */
#define TRACE_MOST_STRING_BYTES 4096
#define TRACE_KEY_BYTES 64 /* how much of a string --by tells apart */
#define TRACE_MOST_KEYS 65536

__extension__ typedef __int128 wide;

enum trace_mode { TRACE_EVENTS, TRACE_COUNT, TRACE_HISTOGRAM };

/* What the command line asks for. */
struct trace_options {
    struct search search;
    enum trace_mode mode;
    const char *hist, *by, *filter, *tool;
    const char **strings; /* arguments to show as strings, whatever their operands are */
    size_t string_count;
    uint64_t string_bytes;
    bool count, stack, json, print, top;
    uint64_t hits;         /* 0: without end */
    uint64_t milliseconds; /* --seconds; 0: without end */
    uint64_t every;        /* --every, in milliseconds; 0: only at the end */
};

enum value_kind {
    VALUE_INTEGER,
    VALUE_BOOL,
    VALUE_FLOAT,
    VALUE_DOUBLE,
    VALUE_POINTER,
    VALUE_STRING
};

/* What an argument's 64 bits mean, and where a variant has them. */
struct plan_value {
    enum value_kind kind;
    uint8_t size; /* in bytes: 1, 2, 4, 8; 0: rst can't read it at these sites */
    bool is_signed;
    struct location location;
};

static inline bool value_is_float(const struct plan_value *value)
{
    return value->kind == VALUE_FLOAT || value->kind == VALUE_DOUBLE;
}

struct plan_argument {
    char *name;                /* "arg0" if it has no name */
    struct usdt_argument site; /* as in the note of the first site */
};

struct plan_site {
    const struct usdt_probe *usdt;
    size_t file;                /* in plan.files */
    uint64_t offset, semaphore; /* in the file; semaphore 0: none */
};

struct plan_variant {
    size_t probe; /* in plan.probes */
    const struct context *context;
    struct plan_value values[USDT_MOST_ARGUMENTS];
    struct plan_site *sites;
    size_t site_count;
    struct condition *condition; /* --filter; NULL: none */
};

struct plan_probe {
    const char *provider, *name;
    char *title; /* PROVIDER:PROBE, fit for a terminal */
    struct plan_argument arguments[USDT_MOST_ARGUMENTS];
    size_t argument_count;
    struct usdt_arguments words; /* holds the names */
    ssize_t by, hist;            /* the arguments that --by and --hist name; -1: none */
    size_t alike; /* the first probe of this name and these arguments, perhaps in another file */
    const struct source *source;     /* the first that has the file */
    const struct usdt_probe **sites; /* in the order of the file's notes */
    size_t site_count;
    size_t variant, variant_count; /* in plan.variants */
};

/* A file to attach to. */
struct plan_file {
    const struct source *source;
    char *path;  /* from here it leads to the file, whatever mount namespace the process has */
    pid_t *pids; /* watch only these; none: every process that has the file */
    size_t pid_count;
    struct usdt_symbols *symbols; /* read when an operand needs them */
};

struct plan {
    const struct trace_options *options;
    struct findings findings;
    struct plan_probe *probes;
    size_t probe_count;
    struct plan_variant *variants; /* a record's number is an index of this */
    size_t variant_count;
    struct plan_file *files;
    size_t file_count;
    size_t site_count; /* of all probes that were found */
};

/*
 * Search, and make a plan of what is found. Reports what is wrong, and gives an error's status. If
 * it is good, findings.status tells whether everything was found. plan_free() is needed in any
 * case.
 */
enum status plan_make(struct trace_options *options, struct plan *ret);
void plan_free(struct plan *plan);

/* Find an argument by its name or as argN. Gives -1 if there is none. */
ssize_t plan_argument_named(const struct plan_probe *probe, const char *name);

/* "such argument, only id, path", or "arguments". */
void plan_add_names(struct text *ret, const struct plan_probe *probe);

/*
 * choose.c, for plan_make(): skip probes that lack an argument, which is before there are variants;
 * then make strings of the arguments that --string names, find those of --by and --hist, and give
 * each variant its condition. They report what is wrong.
 */
struct filter;
struct filter_error;
void plan_skip_probes(struct plan *plan, const struct filter *filter);
enum status plan_choose(struct plan *plan, struct filter *filter);
enum status plan_say_bad_filter(const char *text, struct filter_error error);
void plan_free_probe(struct plan_probe *probe);

#endif
