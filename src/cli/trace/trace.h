/* SPDX-License-Identifier: MIT */
/*
 * rst trace: what its parts share.
 *
 *     trace.c      the command line
 *     plan.c       chooses the probes to watch from those that were found
 *     arguments.c  their arguments: types, and how bpftrace reads them
 *     choose.c     the arguments that options name
 *     place.c      an operand as an expression for bpftrace
 *     filter.c     parses --filter
 *     compare.c    the comparisons of --filter as expressions for bpftrace
 *     script.c     the script for bpftrace
 *     tracer.c     bpftrace's run, from its start to its end
 *     end.c        what rst reports when bpftrace has ended
 *     child.c      finds bpftrace, and starts it as a child
 *     output.c     reads bpftrace's output
 *     record.c     parses it: lines of JSON with the script's records
 *     hits.c       puts records together to hits
 *     show.c       prints a hit as a line of text or JSON
 *     values.c     prints an argument's value, likewise
 *     totals.c     keeps and sorts counts
 *     buckets.c    the ranges of histograms
 *     draw.c       prints counts as tables and histograms
 *     tools.c      --for: the same with other tracers, by hand
 *     bcc.c        --for bcc
 *     tracefs.c    --for tracefs
 */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "cli/base/text.h"
#include "cli/find/find.h"

extern const struct command trace_command;

enum trace_kind {
    TRACE_INTEGER,
    TRACE_BOOL,
    TRACE_FLOAT,
    TRACE_DOUBLE,
    TRACE_POINTER,
    TRACE_STRING
};

struct trace_argument {
    char *name; /* "arg0" if it has no name */
    bool named;
    enum trace_kind kind;
    uint8_t size;   /* in bytes: 1, 2, 4, 8 */
    uint8_t widest; /* size of the widest operand; `size` may be larger, to hold every sign */
    bool is_signed;
    size_t index;
    struct usdt_argument site; /* as in the note of the first site */
    char *place;               /* an expression to use in place of argN; NULL: argN works */
    bool unreadable;           /* bpftrace can't read it */
};

/* A probe in one file, with all its sites. */
struct trace_probe {
    const char *provider, *name;
    const struct source *source;
    char *path;                      /* the path that bpftrace attaches to */
    const struct usdt_probe *site;   /* the first site that was found */
    const struct usdt_probe **sites; /* all sites, in the order of the file's notes */
    size_t site_count;
    pid_t *pids; /* watch only these; none: every process that has the file */
    size_t pid_count;
    struct trace_argument arguments[USDT_MOST_ARGUMENTS];
    size_t argument_count;
    bool differs;                 /* the sites have different operands */
    bool has_floats, has_symbols; /* any site has an operand of this kind */
    bool skipped_by_bcc;          /* bcc skips an operand, so that argN is another argument */
    struct usdt_arguments words;  /* holds the names */
    char *condition;              /* --filter for this probe; NULL: none */
    const struct trace_argument *by, *hist;
    size_t alike; /* the first probe of this name and type, perhaps in another file */
    bool left_out;
    uint64_t hits; /* how many were shown */
};

struct trace_bpftrace {
    char *path;
    unsigned version;            /* 17 for 0.17, 100 for 1.0 */
    bool arguments_in_registers; /* it refuses arg6 and up */
    size_t string_size;          /* the size to pass to str() */
    size_t string_room;          /* how many bytes str() gives at most */
};

enum trace_mode { TRACE_HITS, TRACE_COUNT, TRACE_HISTOGRAM };

enum trace_tool {
    TOOL_NONE,
    TOOL_BPFTRACE,
    TOOL_PERF,
    TOOL_GDB,
    TOOL_BCC,
    TOOL_DTRACE,
    TOOL_TRACEFS
};

struct trace_options {
    struct search search;
    enum trace_mode mode;
    const char *hist, *by, *filter;
    const char **strings; /* arguments to show as strings, whatever their operands are */
    size_t string_count;
    bool counts, stack, json, print;
    enum trace_tool tool;
    uint64_t hits;    /* 0: without end */
    uint64_t seconds; /* in milliseconds; 0: without end */
};

struct trace {
    struct trace_options options;
    struct findings findings;
    struct trace_probe *probes;
    size_t probe_count;
    struct trace_bpftrace bpftrace;
    pid_t one_pid; /* for bpftrace -p; 0: none, or several */
    bool again;    /* a process exited before it was watched: search again */
};

/* ----------------------------------------------------------------------------------- plan -- */

/* Make probes of the findings. If it can't, it reports why and gives an error's status. */
enum status trace_plan(struct trace *trace);
void trace_plan_free(struct trace *trace); /* frees the findings, too */

/* Remove the probes that are marked `left_out`. */
void trace_leave_out(struct trace *trace);

/* Find the arguments that --string, --by, --hist and --filter name. */
enum status trace_choose(struct trace *trace);
void trace_free(struct trace *trace);

#define TRACE_PATH "/.+-@" /* characters that a path may have without quotes */

/* ------------------------------------------------------------------------------ arguments -- */

/* Fill the probe's arguments. */
void trace_read_arguments(struct trace_probe *probe, const struct trace_bpftrace *bpftrace);

/* Find an argument by its name or as argN. Gives NULL if there is none. */
const struct trace_argument *trace_argument_named(const struct trace_probe *probe, const char *name,
                                                  size_t length);

/* ---------------------------------------------------------------------------------- place -- */

/* For x86_64: reg()'s and the kernel's name of a register, "ax" for "%eax"; NULL if it has none. */
const char *trace_register_named(const char *text, size_t length);

/* An expression that reads the operand; free() it. NULL if there is none. */
char *trace_place(const struct operand *operand);

/* --------------------------------------------------------------------------------- filter -- */

/*
 * Convert a filter to an expression for bpftrace, for one probe; free() it. NULL if the filter is
 * wrong for this probe; `ret` says why.
 */
struct trace_filter_error {
    size_t at;        /* position in the filter */
    char *words;      /* free() them */
    bool no_argument; /* the probe has no argument of that name */
};
char *trace_filter(const char *text, const struct trace_probe *probe,
                   const struct trace_bpftrace *bpftrace, struct trace_filter_error *ret);

/* --------------------------------------------------------------------------------- script -- */

/* Add the argument as an int64 key in the argument's own order, for comparisons. */
void trace_add_key(struct text *ret, const struct trace_argument *argument);

/* Add str(...) of an argument. */
void trace_add_string(struct text *ret, const struct trace_argument *argument,
                      const struct trace_bpftrace *bpftrace);

/* Add a number, as an int64 that every version reads. */
void trace_add_number(struct text *ret, int64_t number);

/* Convert a key from trace_add_key() back to the argument's bits. */
uint64_t trace_bits_of_key(const struct trace_argument *argument, int64_t key);

/* Add the script that rst runs, whose output record.c reads; or a script for people. */
void trace_script(const struct trace *trace, bool for_people, struct text *ret);

/* The environment variables that bpftrace needs, each as "NAME=VALUE"; NULL at the end. */
#define TRACE_VARIABLES 8
void trace_variables(const struct trace *trace, char *ret[TRACE_VARIABLES]);

/* --------------------------------------------------------------------------------- record -- */

/* The kinds of lines in the output of `bpftrace -f json`. */
enum trace_line {
    LINE_OTHER,
    LINE_ATTACHED,
    LINE_HIT,    /* cpu tid probe pid nanoseconds, and in bytes: values and comm */
    LINE_STRING, /* cpu tid nanoseconds index, and in bytes: one argument of the hit */
    LINE_STACK,  /* cpu tid nanoseconds, and in bytes: frames */
    LINE_NAME,   /* probe number, and in bytes: a value of --by; maps have the number */
    LINE_TICK,   /* all earlier records were read */
    LINE_LOST,   /* `number` records */
    LINE_MAP     /* a map; trace_record_entry() gives its entries */
};

struct trace_record {
    enum trace_line line;
    uint64_t cpu, tid, probe, pid, nanoseconds, index, number;
    uint64_t values[USDT_MOST_ARGUMENTS];
    const char *bytes; /* text, frames or comm, in `text` */
    size_t size;
    struct text text; /* the line's string, unescaped; reused for each line */
    char map;         /* LINE_MAP: '@' NAME PROBE */
    const char *entries, *entries_end;
};

/* Parse a line, without its newline. */
void trace_record_read(const char *line, size_t size, struct trace_record *ret);

/* For LINE_HIT: read `count` values from `bytes`; only comm remains there. */
bool trace_record_values(struct trace_record *record, size_t count);

/* The next entry of a map: up to two numbers as its key, and a count. Gives whether there is one.
 */
struct trace_entry {
    int64_t keys[2];
    size_t key_count;
    uint64_t count;
};
bool trace_record_entry(struct trace_record *record, struct trace_entry *ret);

/* ----------------------------------------------------------------------------------- hits -- */

struct trace_hits;

struct trace_hits *trace_hits_new(struct trace *trace);
void trace_hits_free(struct trace_hits *hits);

/* Take a record. Gives false if no more are needed: -n is reached, or stdout is closed. */
bool trace_hits_take(struct trace_hits *hits, struct trace_record *record);
void trace_hits_end(struct trace_hits *hits);

/* --------------------------------------------------------------------------------- values -- */

/* Add an argument's value for people. A string is quoted. */
void trace_add_value(struct text *ret, const struct trace_argument *argument, uint64_t bits);
void trace_add_quoted(struct text *ret, const char *bytes, size_t size);

/*
 * How many bytes of a string from bpftrace are the program's, without half a character at the end.
 */
size_t trace_shown_size(const struct trace_bpftrace *bpftrace, const char *bytes, size_t size);

/* Write a value as a member of a JSON object. Strings are not handled. */
struct json;
void trace_json_value(struct json *json, const char *name, const struct trace_argument *argument,
                      uint64_t bits);

/* --------------------------------------------------------------------------------- totals -- */

struct trace_totals;

struct trace_totals *trace_totals_new(struct trace *trace);
void trace_totals_free(struct trace_totals *totals);
void trace_totals_take(struct trace_totals *totals, struct trace_record *record);
void trace_totals_print(struct trace_totals *totals);

/* --------------------------------------------------------------------------------- tracer -- */

/* Find bpftrace, and what its version can do. Reports an error if there is none. */
enum status trace_find_bpftrace(struct trace_bpftrace *ret);

/* Run bpftrace to its end, and show what it sees. */
enum status trace_run(struct trace *trace);

/* Print the command line for a shell. */
void trace_print_command(const struct trace *trace, const char *script, bool for_people);

/* ---------------------------------------------------------------------------------- tools -- */

enum status trace_print_tool(struct trace *trace);

#endif
