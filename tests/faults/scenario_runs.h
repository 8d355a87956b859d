/* SPDX-License-Identifier: MIT */
/*
 * Running a scenario: once to record its calls, then again with each of them failing.
 */
#ifndef FAULTS_SCENARIO_RUNS_H
#define FAULTS_SCENARIO_RUNS_H

#include <stdbool.h>
#include <stddef.h>

#include "load_scenarios.h"

/* Each call fails by itself, with every error that it can have; and in combination. `traced`: have
 * a tracer count fires after it. Gives how many runs that were. */
size_t run_alone(const struct scenario *scenario);
size_t run_traced(const struct scenario *scenario);
size_t run_combined(const struct scenario *scenario);

#endif
