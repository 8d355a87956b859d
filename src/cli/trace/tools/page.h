/* SPDX-License-Identifier: MIT */
/*
 * What a tool is to print: the probes that it can watch, with one type for all sites of each.
 *
 * A tool reads argN by the operand of the site that was hit, in up to 64 bits. So one type can
 * stand for all sites if it can hold all values: the widest of theirs, or int64 for a uint32 and an
 * int32. No type holds a uint64 and a signed number.
 */
#ifndef CLI_TRACE_TOOLS_PAGE_H
#define CLI_TRACE_TOOLS_PAGE_H

#include "cli/trace/tools/tool.h"

struct tool_site {
    const struct plan_site *site;
    const struct plan_variant *variant;
};

struct tool_probe {
    const struct plan_probe *plan;
    const struct plan_file *file;
    struct tool_site *sites; /* in the order of the file's notes */
    size_t site_count;
    bool differs;       /* the sites have different operands */
    const char *broken; /* what it has among its arguments that some tools can't read; or NULL */
    bool miscounted;    /* a tool may skip an argument, and count on */
    struct tool_argument arguments[USDT_MOST_ARGUMENTS];
    struct condition *condition;
};

struct page {
    const struct plan *plan;
    const struct tool *tool;
    struct tool_probe *probes;
    size_t probe_count;
    pid_t one_pid;                      /* 0: none, or several */
    size_t file, probe, site, argument; /* what the template is at */
};

/* Make the probes, and report those that the tool can't watch. */
void page_make(const struct plan *plan, const struct tool *tool, struct page *ret);
void page_free(struct page *page);

/* Whether the tool can read the argument. */
bool page_reads(const struct page *page, size_t argument);

#endif
