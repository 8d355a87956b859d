/* SPDX-License-Identifier: MIT */
/*
 * Between loading_test and the module that it opens, whose constructor declares probes.
 */
#ifndef TEST_CONSTRUCTOR_H
#define TEST_CONSTRUCTOR_H

/* Whether the constructor forks, too. The test program's. */
__attribute__((visibility("default"))) extern int constructor_forks;

#endif
