/* SPDX-License-Identifier: MIT */
/*
 * rst trace: what people and programs read.
 *
 *     event.c      a hit as a line of text or JSON
 *     values.c     an argument's value, likewise
 *     totals.c     keeps, merges and sorts counts, and prints them as a table
 *     histogram.c  prints them as histograms
 *     stack.c      names for a stack's addresses: what processes have mapped and compiled
 *     module.c     the functions and lines of a file
 *     names.c      names of C++ and Rust; ranges of addresses
 */
#ifndef CLI_TRACE_SHOW_H
#define CLI_TRACE_SHOW_H

#include "cli/base/json.h"
#include "cli/trace/bpf/record.h"

/* An argument's value: of an event, or of --by. */
struct shown {
    const struct plan_value *type;
    bool unreadable, null;
    uint64_t bits;
    struct event_string string;
};

struct shown shown_argument(const struct event *event, size_t argument);

/* Add it for people: a string is quoted, "?" is unreadable; or write it as an object's member. */
void show_value(struct text *ret, const struct shown *shown);
void show_json(struct json *json, const char *name, const struct shown *shown);

struct show;
struct stacks;

/* Prints hits to `out`. `stacks` is NULL without --stack. */
struct show *show_new(const struct plan *plan, struct stacks *stacks, FILE *out);
void show_event(struct show *show, const struct event *event);
void show_lost(struct show *show, uint64_t count); /* hits were lost before the next event */
void show_free(struct show *show);                 /* NULL is allowed, as in all that free */

struct totals;

struct totals *totals_new(const struct plan *plan, FILE *out);
void totals_free(struct totals *totals);

/* A round: clear, take each count, then print. */
void totals_clear(struct totals *totals);
void totals_take(void *totals, const struct count_key *key, const struct count_sum *sum);

/* Print the totals; or, for --every, what was added since the last round. */
void totals_print(struct totals *totals);
void totals_print_change(struct totals *totals);

/* --top: redraw the table on the terminal. totals_print() removes it. */
void totals_draw(struct totals *totals);

/*
 * Names for addresses in processes. A process is looked at when it is first seen, so its stacks
 * keep their names when it has ended.
 */
struct stacks *stacks_new(const struct plan *plan);
void stacks_free(struct stacks *stacks);
void stacks_see(struct stacks *stacks, pid_t pid);

struct frame {
    uint64_t address;
    const char *function; /* NULL: not known */
    uint64_t offset;      /* in the function; or else in the module, as its own addresses count */
    const char *file;     /* of the source; NULL: not known */
    int line;
    const char *module; /* the path of the program or library; NULL: not known */
};

/*
 * The strings are valid until the next call. The first frame's address is the site itself; that of
 * the others is a return address, and its line is that of the call.
 */
void stacks_frame(struct stacks *stacks, pid_t pid, uint64_t address, bool innermost,
                  struct frame *ret);

#endif
