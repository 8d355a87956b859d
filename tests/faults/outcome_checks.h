/* SPDX-License-Identifier: MIT */
/*
 * Whether what an act gave is right, by the calls that failed in it.
 */
#ifndef FAULTS_OUTCOME_CHECKS_H
#define FAULTS_OUTCOME_CHECKS_H

#include <stdbool.h>

#include "load_scenarios.h"
#include "wrap.h"

/* What the program does after the act. */
enum sequel { THEN_AGAIN, THEN_UNLOAD, THEN_LOAD, THEN_FREE, SEQUELS };

struct run {
    const struct scenario *scenario;
    struct fault_plan plan;
    enum sequel sequel;
    bool traced;
};

/* The act gave `result`: is that as it should be, and is the error that of a call that failed? */
void expect_result(const struct run *run, int result);

/* It failed: is every probe as it should be then? */
void expect_failure(const struct run *run, struct fixture *fixture);

bool is_single_fault(const struct run *run);

/* Whether a call of one of the functions (names between blanks) was made to fail. */
bool has_struck(const char *names);

/* Whether a call failed without which a file may have to stay. */
bool may_litter(void);

/* Whether `word` is among the words, or they are "*". */
bool is_word_of(const char *words, const char *word);

#endif
