/* SPDX-License-Identifier: MIT */
/*
 * The fixture of a scenario: a provider with probes, directories of its own, and what a run on it
 * says when it goes wrong.
 */
#ifndef FAULTS_PROVIDER_FIXTURE_H
#define FAULTS_PROVIDER_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "rst.h"

#define FIXTURE_PROVIDER "faults"
#define FIXTURE_PROBES 80

struct fixture {
    rst_provider *provider;
    rst_provider *other; /* one that the scenario needs beside it */
    rst_probe *probes[FIXTURE_PROBES];
    size_t count;
    size_t old;    /* how many were loaded when the act began */
    int set_aside; /* a descriptor that the scenario moved out of the way, or -1 */
    int decoy;     /* one that took another's number, or -1 */
    bool forked;   /* this is the child of a fork */
    bool on_file;  /* its backing is one */
    size_t left;   /* how many files of the parent's it has to leave there, and remembers */
    bool littered; /* what a killed process left is there */
};

/* The three directories of the file backing: $XDG_RUNTIME_DIR, $TMPDIR, and one named outright. */
extern char fixture_xdg[], fixture_tmp[], fixture_directory[];

/* Make and remove the directories; set the environment. */
void fixture_prepare_process(void);
void fixture_leave_process(void);

/* Have a crash say what was being run, and end the program: cmocka would go on. */
void fixture_name_crashes(void);

/* A fixture with nothing on it yet. */
struct fixture fixture_make(void);
void fixture_free(struct fixture *fixture);

/* Add probes until there are `count`. Gives 0 or a negative errno. */
int fixture_add(struct fixture *fixture, size_t count);

/* The descriptor that a memfd's path ends in. */
int fixture_descriptor(const struct fixture *fixture);

/* Say what is wrong, after what is being run. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What is being run, for complaints and crashes. */
extern char fixture_run[512];

#endif
