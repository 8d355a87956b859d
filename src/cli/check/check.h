/* SPDX-License-Identifier: MIT */
/*
 * The facts that `rst check` finds out. Each has a check of its own.
 */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/base/command.h"
#include "cli/base/text.h"

extern const struct command check_command;

enum verdict { VERDICT_YES, VERDICT_NO, VERDICT_NOTE /* neither good nor bad */ };

struct machine {
    const void *context; /* the check's */

    /* The fact that a check reports. The words of a "no" say what to do about it. */
    enum verdict verdict;
    struct text words; /* empty: there is nothing to report */

    /* The first probe that could be loaded; NULL: none. */
    struct rst_provider *provider;
    struct rst_probe *probe;
    int image;                /* its image, open; or a negative errno */
    uint64_t site, semaphore; /* offsets in the image */

    int loads;      /* how often a load was tried */
    int load_error; /* errno of the last that failed */
    bool traces;    /* a probe was watched */
};

typedef void check_run(struct machine *machine);

struct check {
    const char *name;
    check_run *run;
    const void *context;
};

/* The last entry of each has no `run`. */
extern const struct check kernel_checks[], load_checks[], tracer_checks[];

/* Report a fact. */
void fact_set(struct machine *machine, enum verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Watch a site in this process by a uprobe that counts the hits. Gives a descriptor, from which the
 * count is read, or a negative errno.
 */
int uprobe_attach(const char *path, uint64_t site, uint64_t semaphore);

#endif
