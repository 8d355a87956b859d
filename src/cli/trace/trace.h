/* SPDX-License-Identifier: MIT */
/*
 * rst trace: what its parts share.
 *
 *     trace.c      the command line
 *     plan.c       from the probes that were found to what is to be watched
 *     arguments.c  their arguments: types, and how they are read
 *     choose.c     those that options name
 *     place.c      where an operand is, as an expression of bpftrace's
 *     filter.c     --filter, read
 *     compare.c    --filter's comparisons, as an expression of bpftrace's
 *     script.c     the script that bpftrace is given
 *     tracer.c     bpftrace's run, from its start to its end
 *     end.c        what there is to say when it has ended
 *     child.c      bpftrace as a child: finding it, starting it
 *     output.c     its output, read
 *     record.c     what it says: lines of JSON, and in them the script's records
 *     hits.c       records put together to hits
 *     show.c       a hit as a line of text or JSON
 *     values.c     an argument's value, the same
 *     totals.c     counts, kept and put in order
 *     buckets.c    ranges of histograms
 *     draw.c       counts as tables and histograms
 *     tools.c      the same for other tracers, to be run by hand
 *     bcc.c        a program for bcc
 *     tracefs.c    commands for tracefs
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
    char *name; /* "arg0" where it has none */
    bool named;
    enum trace_kind kind;
    uint8_t size;   /* in bytes: 1, 2, 4, 8 */
    uint8_t widest; /* of its operands at all sites; `size` has room for any sign of theirs */
    bool is_signed;
    size_t index;
    struct usdt_argument site; /* as the first site's note has it */
    char *place;     /* where bpftrace's argN can't reach: an expression for it; NULL: argN */
    bool unreadable; /* neither can */
};

/* One probe of one file: all its sites. */
struct trace_probe {
    const char *provider, *name;
    const struct source *source;
    char *path;                      /* what bpftrace attaches to */
    const struct usdt_probe *site;   /* the one that was found first */
    const struct usdt_probe **sites; /* all of them, in the order of the file's notes */
    size_t site_count;
    pid_t *pids; /* those that are meant; none: whoever has the file */
    size_t pid_count;
    struct trace_argument arguments[USDT_MOST_ARGUMENTS];
    size_t argument_count;
    bool differs;                 /* its sites' operands do */
    bool has_floats, has_symbols; /* such operands, at any site */
    bool skipped_by_bcc;          /* one of its operands is, and argN then is another */
    struct usdt_arguments words;  /* what the names are in */
    char *condition;              /* --filter for this one; NULL: none */
    const struct trace_argument *by, *hist;
    size_t alike; /* the first probe that is the same, in another file perhaps */
    bool left_out;
    uint64_t hits; /* that were shown */
};

struct trace_bpftrace {
    char *path;
    unsigned version;            /* 17 for 0.17, 100 for 1.0 */
    bool arguments_in_registers; /* arg6 and up are refused */
    size_t string_size;          /* what str() is told */
    size_t string_room;          /* how many bytes it gives at most */
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
    const char **strings; /* arguments that are strings, whatever their operand says */
    size_t string_count;
    bool counts, stack, json, print;
    enum trace_tool tool;
    uint64_t hits;    /* 0: no end */
    uint64_t seconds; /* in milliseconds; 0: no end */
};

struct trace {
    struct trace_options options;
    struct findings findings;
    struct trace_probe *probes;
    size_t probe_count;
    struct trace_bpftrace bpftrace;
    pid_t one_pid; /* bpftrace -p; 0: none, or several */
    bool again;    /* one of all processes exited before it was watched: search anew */
};

/* ----------------------------------------------------------------------------------- plan -- */

/* Fill probes from the findings. Gives a status other than good, and says why, if it can't. */
enum status trace_plan(struct trace *trace);
void trace_plan_free(struct trace *trace); /* and what was found */

/* Take out the probes that are marked so. */
void trace_leave_out(struct trace *trace);

/* Give --string, --by, --hist and --filter the arguments that they name. */
enum status trace_choose(struct trace *trace);
void trace_free(struct trace *trace);

#define TRACE_PATH "/.+-@" /* what a path may have further */

/* ------------------------------------------------------------------------------ arguments -- */

/* Fill the probe's arguments. */
void trace_read_arguments(struct trace_probe *probe, const struct trace_bpftrace *bpftrace);

/* By its name, or as argN; NULL. */
const struct trace_argument *trace_argument_named(const struct trace_probe *probe, const char *name,
                                                  size_t length);

/* ---------------------------------------------------------------------------------- place -- */

/* x86_64's register by any of its names, "%eax", as reg() and the kernel have it: "ax"; NULL. */
const char *trace_register_named(const char *text, size_t length);

/* An expression for where the operand is, to be freed; NULL: there is none. */
char *trace_place(const struct operand *operand);

/* --------------------------------------------------------------------------------- filter -- */

/*
 * A filter for one probe as an expression of bpftrace's; free() it. NULL: it makes no sense there,
 * and `ret` says why.
 */
struct trace_filter_error {
    size_t at;        /* in the text */
    char *words;      /* free() them */
    bool no_argument; /* the probe has none of that name */
};
char *trace_filter(const char *text, const struct trace_probe *probe,
                   const struct trace_bpftrace *bpftrace, struct trace_filter_error *ret);

/* --------------------------------------------------------------------------------- script -- */

/* The argument as int64, in its order: signed 8-bit numbers from 0 to 255, say. */
void trace_add_key(struct text *ret, const struct trace_argument *argument);

/* str(...) of it. */
void trace_add_string(struct text *ret, const struct trace_argument *argument,
                      const struct trace_bpftrace *bpftrace);

/* A 64-bit number as an int64 that every version reads. */
void trace_add_number(struct text *ret, int64_t number);

/* From such a key back to the argument's bits. */
uint64_t trace_bits_of_key(const struct trace_argument *argument, int64_t key);

/* Add what rst runs, whose output record.c reads; or what a person would write. */
void trace_script(const struct trace *trace, bool for_people, struct text *ret);

/* The variables of the environment that it needs, "NAME=VALUE" each, NULL at the end. */
#define TRACE_VARIABLES 8
void trace_variables(const struct trace *trace, char *ret[TRACE_VARIABLES]);

/* --------------------------------------------------------------------------------- record -- */

/* What a line of `bpftrace -f json` is. */
enum trace_line {
    LINE_OTHER,
    LINE_ATTACHED,
    LINE_HIT,    /* cpu tid probe pid nanoseconds, and in bytes: values and comm */
    LINE_STRING, /* cpu tid nanoseconds index, and in bytes: one argument of the hit */
    LINE_STACK,  /* cpu tid nanoseconds, and in bytes: frames */
    LINE_NAME,   /* probe number, and in bytes: a value of --by; maps have the number */
    LINE_TICK,   /* all that came before was read */
    LINE_LOST,   /* `number` records */
    LINE_MAP     /* a map, whose entries are had one by one */
};

struct trace_record {
    enum trace_line line;
    uint64_t cpu, tid, probe, pid, nanoseconds, index, number;
    uint64_t values[USDT_MOST_ARGUMENTS];
    const char *bytes; /* text, frames or comm, in `text` */
    size_t size;
    struct text text; /* the line's string, unescaped; kept from line to line */
    char map;         /* LINE_MAP: '@' NAME PROBE */
    const char *entries, *entries_end;
};

/* `line` is without its newline. */
void trace_record_read(const char *line, size_t size, struct trace_record *ret);

/* LINE_HIT: take so many values from `bytes`, which then are only comm. */
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

/* Take a record. Gives false when no more are wanted: -n, or stdout is closed. */
bool trace_hits_take(struct trace_hits *hits, struct trace_record *record);
void trace_hits_end(struct trace_hits *hits);

/* --------------------------------------------------------------------------------- values -- */

/* An argument's value for people; a string is quoted. */
void trace_add_value(struct text *ret, const struct trace_argument *argument, uint64_t bits);
void trace_add_quoted(struct text *ret, const char *bytes, size_t size);

/* How many bytes of a string that bpftrace gave are surely the program's, and whole characters. */
size_t trace_shown_size(const struct trace_bpftrace *bpftrace, const char *bytes, size_t size);

/* The value as a member of a JSON object, but for strings. */
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

/* Find bpftrace and what it can do. Says so where there is none. */
enum status trace_find_bpftrace(struct trace_bpftrace *ret);

/* Run it to its end, and show what it sees. */
enum status trace_run(struct trace *trace);

/* The command line as a shell takes it. */
void trace_print_command(const struct trace *trace, const char *script, bool for_people);

/* ---------------------------------------------------------------------------------- tools -- */

enum status trace_print_tool(struct trace *trace);

#endif
