/* SPDX-License-Identifier: MIT */
/*
 * Tools, a row each in table.c. What a tool prints is a template:
 *
 *     <name>            becomes a word, such as the probe's name
 *     <name> ... </>    is repeated for each probe, site or argument; or is there only if something
 *                       is asked for
 *
 * A "<" before any other word stands for itself. tools.c has the names.
 */
#ifndef CLI_TRACE_TOOLS_TOOL_H
#define CLI_TRACE_TOOLS_TOOL_H

#include "cli/base/text.h"
#include "cli/trace/plan/plan.h"

/* How a tool shows an argument. A form without a template is shown like the next one. */
enum form {
    FORM_UNREADABLE, /* without a template: the tool says nothing of it */
    FORM_STRING,
    FORM_FLOAT,
    FORM_DOUBLE,
    FORM_POINTER,
    FORM_BOOL,
    FORM_UNSIGNED,
    FORM_SIGNED,
    FORMS
};

struct tool {
    const char *name, *title, *script;
    const char *forms[FORMS], *values[FORMS]; /* <form> and <value> */
    bool bare;                                /* it can't have a path in quotes */
    bool ascii;                               /* ... or one with other characters */
    bool by_name;                             /* it opens files by their names: no deleted ones */
    bool no_memfd;                            /* ... nor memfds */
    bool one_process;                         /* it needs one -p, and no file */
    bool fragile;  /* it can't watch a probe with an operand that it can't read */
    bool all;      /* it reads all arguments, or none */
    bool exact;    /* it needs to know an operand's size, the same at all sites */
    bool numbered; /* it may give an argument another number, or not have it at all */
    bool whole;    /* it has filters, counts and stacks */
    size_t most_arguments;
};

extern const struct tool tool_table[];
#define TOOLS 6

/* An argument for all sites of a probe; see tools.c. */
struct tool_argument {
    struct plan_value value; /* its size is 0 if the tool can't read it */
    uint8_t widest;
    bool by_place; /* by the value's location, since its number is not to be relied on */
};

/* expression.c: for bpftrace. */

/* Add an argument as an integer of 64 bits, with its sign. */
void add_expression(struct text *ret, const struct tool_argument *argument, size_t index);

/* Add a condition. */
void add_condition(struct text *ret, const struct tool_argument *arguments,
                   const struct condition *condition);

/* The kernel's and bpftrace's name of a register, "di"; by its offset in struct pt_regs. */
const char *register_name(uint16_t offset);

#endif
