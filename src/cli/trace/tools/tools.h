/* SPDX-License-Identifier: MIT */
/*
 * --for TOOL: how to watch the same with another tracer, as commands or a program that run as
 * printed. docs/tracing.md explains them.
 */
#ifndef CLI_TRACE_TOOLS_TOOLS_H
#define CLI_TRACE_TOOLS_TOOLS_H

#include "cli/trace/plan/plan.h"

/* Whether options->tool is known and can do what the options ask for. Reports it if not. */
enum status tool_check(const struct trace_options *options);

/* Print what to run. */
enum status tool_print(const struct plan *plan);

#endif
