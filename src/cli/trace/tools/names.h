/* SPDX-License-Identifier: MIT */
/*
 * The names by which the kernel's events stand for sites. tracefs wants at most 63 letters, digits
 * and _ for a group and for an event (MAX_EVENT_NAME_LEN in its trace.h), and takes a second event
 * of one name for a part of the first. So names are shortened, and those that are taken get a
 * number.
 */
#ifndef CLI_TRACE_NAMES_H
#define CLI_TRACE_NAMES_H

#include "cli/trace/plan/plan.h"

struct event_name {
    char group[64], event[64];
};

/* Of each site, in the order of the probes, their variants and these variants' sites; to be freed.
 */
struct event_name *tool_event_names(const struct plan *plan);

/* An argument's name, of at most 31 letters (MAX_ARG_NAME_LEN), which no other one of the probe
 * has. */
struct argument_name {
    char text[32];
};

struct argument_name tool_argument_name(const struct plan_probe *probe, size_t i);

#endif
