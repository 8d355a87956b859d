/* SPDX-License-Identifier: MIT */
/*
 * The facts that `rst check` finds out. Each has a check of its own.
 */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include <stdbool.h>

#include "cli/base/command.h"
#include "cli/base/text.h"

extern const struct command check_command;

enum verdict { VERDICT_YES, VERDICT_NO, VERDICT_NOTE /* neither good nor bad */ };

struct fact {
    enum verdict verdict;
    struct text words;
    struct text advice; /* what to do about a "no" */
};

/* What a check found out that later checks and the exit status need. */
struct machine {
    bool memfd_loads, file_loads, traces;
    char *directory; /* a directory from which a file loads */
};

/* Fill `fact`, which is empty and a "yes". Gives false if there is nothing to report. */
typedef bool check_run(struct machine *machine, struct fact *fact);

struct check {
    const char *name;
    check_run *run;
};

/* The last entry of each has no `run`. */
extern const struct check kernel_checks[], load_checks[], tracer_checks[];

/* Set the verdict and the text. */
void fact_set(struct fact *fact, enum verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void fact_advise(struct fact *fact, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Read the first line of a small file, without its newline. Gives whether there is one. */
bool read_line(const char *path, char *line, int size);

#endif
