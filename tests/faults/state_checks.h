/* SPDX-License-Identifier: MIT */
/*
 * What must hold of a fixture: checks that complain, and go on.
 */
#ifndef FAULTS_STATE_CHECKS_H
#define FAULTS_STATE_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

#include "provider_fixture.h"

/* The probes `from` to `to` are shown: mapped from the file that their path leads to, named in the
 * link map by it, and enabled when, and only when, a tracer raises their semaphores. */
void expect_shown(struct fixture *fixture, size_t from, size_t to);

/* A tracer that attaches to the probe counts its fires exactly. */
void expect_traced(const rst_probe *probe);

/* They are disabled, and can be fired in every way. */
void expect_disabled(struct fixture *fixture, size_t from, size_t to);

/* They are enabled. */
void expect_enabled(struct fixture *fixture, size_t from, size_t to);

/* Fire every probe in every way: that it doesn't crash is all. */
void fire_all(struct fixture *fixture);

/* Nothing of librst's memory is a backing's: a tracer finds none of it. */
void expect_unmapped(void);

/* Set the semaphores of those that are shown, as a tracer that the kernel doesn't help does. */
void poke(struct fixture *fixture, size_t from, size_t to, unsigned value);

/* Load something else from the directory, which must work. */
void expect_next_load(void);

/* No file or directory of librst's is in the fixture's directories. `littered`: one may be, and the
 * next process that loads there removes it. */
void expect_no_files(bool littered);

/* How many entries the link map has. */
size_t count_libraries(void);

#endif
