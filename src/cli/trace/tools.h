/* SPDX-License-Identifier: MIT */
/*
 * rst trace --for TOOL: the tools with files of their own. Each function prints what a user runs.
 */
#ifndef CLI_TRACE_TOOLS_H
#define CLI_TRACE_TOOLS_H

#include "cli/trace/trace.h"

/*
 * Print commands that create, or remove, kernel events for a probe's sites, PREFIXPROVIDER/PROBE;
 * or print that event's name, with another character for the "/".
 */
void trace_print_uprobes(const struct trace_probe *probe, const char *prefix);
void trace_print_removals(const struct trace_probe *probe, const char *prefix);
void trace_print_event(const struct trace_probe *probe, const char *prefix, char between,
                       size_t number);

enum status trace_for_bcc(const struct trace *trace);
enum status trace_for_tracefs(const struct trace *trace);

#endif
