/* SPDX-License-Identifier: MIT */
/*
 * rst trace --for TOOL: the tools whose words fill a file. Each prints its own.
 */
#ifndef CLI_TRACE_TOOLS_H
#define CLI_TRACE_TOOLS_H

#include "cli/trace/trace.h"

/* Commands that make and remove the kernel's own events of a probe's sites, PREFIXPROVIDER/PROBE,
 * and that event's name, with another letter for the /. */
void trace_print_uprobes(const struct trace_probe *probe, const char *prefix);
void trace_print_removals(const struct trace_probe *probe, const char *prefix);
void trace_print_event(const struct trace_probe *probe, const char *prefix, char between,
                       size_t number);

enum status trace_for_bcc(const struct trace *trace);
enum status trace_for_tracefs(const struct trace *trace);

#endif
