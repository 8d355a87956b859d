/* SPDX-License-Identifier: MIT */
/*
 * rst trace --for TOOL: the tools whose words fill a file. Each prints its own.
 */
#ifndef CLI_TRACE_TOOLS_H
#define CLI_TRACE_TOOLS_H

#include "trace.h"

enum status trace_for_bcc(const struct trace *trace);
enum status trace_for_tracefs(const struct trace *trace);

#endif
