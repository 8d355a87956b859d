/* SPDX-License-Identifier: MIT */
/*
 * rst trace: what people and programs read.
 *
 *     event.c      a hit as a line of text or JSON
 *     values.c     an argument's value, likewise
 *     totals.c     keeps, merges and sorts counts
 *     counts.c     prints them as a table
 *     histogram.c  prints them as histograms
 *     top.c        a table that is redrawn
 *     stack.c      names for a stack's addresses
 */
#ifndef CLI_TRACE_SHOW_H
#define CLI_TRACE_SHOW_H

#include "cli/base/json.h"
#include "cli/base/text.h"
#include "cli/trace/bpf/event.h"

/* ------------------------------------------------------------------------------------ values -- */

/* Add PROVIDER:PROBE. */
void show_probe(struct text *ret, const struct plan_probe *probe);

/*
 * How much of a string to show: if it is cut, without half a character of UTF-8 at its end, which
 * comes from the cut.
 */
size_t show_fitting(const struct event_string *string);

/* Whether the argument has no value. */
bool show_unreadable(const struct event *event, size_t argument);

/* Add an argument's value for people. A string is quoted; "?" if it could not be read. */
void show_value(struct text *ret, const struct event *event, size_t argument);
void show_digits(struct text *ret, uint64_t number);
void show_number(struct text *ret, const struct plan_value *value, uint64_t bits);
void show_quoted(struct text *ret, const struct event_string *string);
void show_json_number(struct json *json, const char *name, const struct plan_value *value,
                      uint64_t bits);

/* ------------------------------------------------------------------------------------ events -- */

struct show;
struct stacks;

/* What has to be added to a time of CLOCK_BOOTTIME to get nanoseconds since 1970. */
int64_t show_epoch(void);

/* `stacks` is NULL without --stack. */
struct show *show_new(const struct plan *plan, struct stacks *stacks);
void show_event(struct show *show, const struct event *event);
void show_lost(struct show *show, uint64_t count); /* hits were lost before the next event */
void show_free(struct show *show);

/* ------------------------------------------------------------------------------------ totals -- */

struct totals;

struct totals *totals_new(const struct plan *plan);
void totals_free(struct totals *totals);

/* A round: clear, take each count, then print. */
void totals_clear(struct totals *totals);
void totals_take(void *totals, const struct count_key *key, uint64_t count); /* bpf_take_count */

/* Print the totals; or, for --every, what was added since the last round. */
void totals_print(struct totals *totals);
void totals_print_change(struct totals *totals);

/* --top: redraw the table on the terminal. */
void totals_draw(struct totals *totals);

/* ------------------------------------------------------------------------------------ stacks -- */

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

/* The strings are valid until the next call. The first frame's address is the site itself; that of
 * the others is a return address, and its line is that of the call. */
void stacks_frame(struct stacks *stacks, pid_t pid, uint64_t address, bool innermost,
                  struct frame *ret);

#endif
