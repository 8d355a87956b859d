/* SPDX-License-Identifier: MIT */
/*
 * The stage of a scenario: a provider with probes, directories of its own, and what a run on it
 * says when it goes wrong.
 */
#ifndef FAULTS_PROVIDER_FIXTURE_H
#define FAULTS_PROVIDER_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "rst.h"

#define STAGE_PROVIDER "faults"
#define STAGE_PROBES 80

struct stage {
    rst_provider *provider;
    rst_provider *other; /* one that the scenario needs beside it */
    rst_probe *probes[STAGE_PROBES];
    size_t count;
    size_t old;    /* how many were loaded when the act began */
    int set_aside; /* a descriptor that the scenario moved out of the way, or -1 */
    int decoy;     /* one that took another's number, or -1 */
    bool forked;   /* this is the child of a fork */
    bool littered; /* what a killed process left is there */
};

/* The three directories of the file backing: $XDG_RUNTIME_DIR, $TMPDIR, and one named outright. */
extern char stage_xdg[], stage_tmp[], stage_directory[];

/* Make and remove the directories; set the environment. */
void stage_prepare_process(void);
void stage_leave_process(void);

/* Have a crash say what was being run, and end the program: cmocka would go on. */
void stage_name_crashes(void);

/* A stage with nothing on it yet. */
struct stage stage_make(void);
void stage_free(struct stage *stage);

/* Add probes until there are `count`. Gives 0 or a negative errno. */
int stage_add(struct stage *stage, size_t count);

/* The descriptor that a memfd's path ends in. */
int stage_descriptor(const struct stage *stage);

/* Say what is wrong, after what is being run. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What is being run, for complaints and crashes. */
extern char stage_run[512];

#endif
