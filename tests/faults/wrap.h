/* SPDX-License-Identifier: MIT */
/*
 * What stands between librst and the C library in this suite (the linker's --wrap): every call
 * that can fail is counted, and fails where the plan says so.
 *
 * A call that succeeds leaves nonsense in errno, as the C standard lets it: code that wants the
 * errno of a failure must have kept it.
 *
 * The record is in shared memory, so that a forked child's calls are in it, too.
 */
#ifndef FAULTS_WRAP_H
#define FAULTS_WRAP_H

#include <stdbool.h>
#include <stddef.h>

/* In place of an errno: what pwrite(2) may do besides failing. */
#define FAULT_SHORT (-1)   /* write half of it */
#define FAULT_NOTHING (-2) /* write nothing, and say so */

/* And mremap(2): fail with ENOMEM, after its target was unmapped. */
#define FAULT_HOLE (-3)

#define FAULT_ERRORS 5

/* What the failure of a call may lead to. */
enum consequence {
    FATAL,    /* the operation fails, unless the scenario has another way */
    HARMLESS, /* the operation succeeds */
    LITTERS,  /* it succeeds; a file may stay, for the next process that comes by to remove */
};

/* A call that librst makes: by the function's name, and by what it is for where that matters. */
struct fault_kind {
    const char *name, *detail;
    enum consequence consequence;
    const char *words;          /* what rst_error() says of a fatal failure */
    int errors[FAULT_ERRORS];   /* that it can fail with */
    int harmless[FAULT_ERRORS]; /* those that must go unnoticed although it is fatal */
};

extern const struct fault_kind fault_kinds[];
extern const size_t fault_kind_count;

/* What is to fail: a call by its kind, and which of the kind it is, from 1 on. */
struct fault_plan {
    const struct fault_kind *kind; /* NULL: nothing */
    size_t ordinal;
    int error;                          /* and this is how */
    const struct fault_kind *also_kind; /* and another one after it, or NULL */
    size_t also_ordinal;
    enum { ALONE, WITH_LATER_OF_ITS_KIND, WITH_ALL_LATER } reach;
};

struct fault_call {
    const struct fault_kind *kind;
    size_t ordinal;
    int error; /* what it was made to fail with, or 0 */
};

#define FAULT_MAX_CALLS 8192

struct fault_record {
    size_t count;
    size_t struck_first; /* the number, from 1 on, of the first call that failed; 0: none did */
    struct fault_call calls[FAULT_MAX_CALLS];
    size_t struck[128]; /* by kind, ever since the program began: how often it was made to fail */
    size_t complaints;
};

extern struct fault_record *fault_record;

void faults_prepare(void);

/* Record from here on, and fail what the plan says; stop that. */
void faults_arm(const struct fault_plan *plan);
void faults_disarm(void);

/* Undo for real what was made to fail and would have freed something. */
void faults_clean_up(void);

/* Close the descriptors that librst holds: after a run that could not but leak one. */
void faults_forget_descriptors(void);

/* What librst holds: heap blocks, descriptors, directory streams, libraries, mappings. */
size_t faults_held(void);
void faults_list_held(void (*visit)(const char *what, const void *which));

/* Have librst take the kernel for one that turns a nop5 into a call, which is 6.18 to 7.2. */
extern bool faults_kernel_has_nop5;

/* Whether calls are recorded; count one, and give what it is to fail with, or 0. */
extern bool faults_armed;
int faults_strike(const char *name, const char *detail);

/* The name of the errno or special error, for a message. */
const char *fault_error_name(int error);

#endif
