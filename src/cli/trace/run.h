/* SPDX-License-Identifier: MIT */
#ifndef CLI_TRACE_RUN_H
#define CLI_TRACE_RUN_H

#include "cli/trace/plan/plan.h"

/* Trace what is planned, from attaching to the last words. Reports errors. */
enum status run_trace(struct plan *plan);

#endif
