/* SPDX-License-Identifier: MIT */
/*
 * The scenarios: what librst is asked to do while its calls fail.
 */
#ifndef FAULTS_LOAD_SCENARIOS_H
#define FAULTS_LOAD_SCENARIOS_H

#include <stdbool.h>
#include <stddef.h>

#include "provider_fixture.h"

/* What becomes of the probes that were loaded, when the act fails. */
enum old_probes {
    OLD_NONE,     /* there were none */
    OLD_SHOWN,    /* they stay so */
    OLD_DISABLED, /* they are, or have been */
    OLD_EITHER,   /* their backing was lost: they may be either */
};

struct scenario {
    const char *name;
    void (*prepare)(struct fixture *fixture);
    int (*act)(struct fixture *fixture); /* 0 or a negative errno */
    enum old_probes old;
    bool ends_unloaded;   /* it is an unload: that leaves every probe disabled */
    const char *survives; /* the functions and details whose failure it can make up for; "*": all */
    bool fresh;           /* run each in a process of its own */
    bool exits;           /* which the act ends */
    bool varies;          /* its calls hang on what other processes do at the time */
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

#endif
