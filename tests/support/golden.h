/* SPDX-License-Identifier: MIT */
/*
 * Golden files: what a pure part makes, as text, so that a commit that changes it shows it in its
 * diff. To write the files again after an intended change, run the test with RST_GOLDEN_WRITE=1. It
 * fails while that is set.
 */
#ifndef TEST_GOLDEN_H
#define TEST_GOLDEN_H

/* Fail the cmocka test if DIRECTORY/NAME.txt is not this text. Frees `text`. */
void golden_check(const char *directory, const char *name, char *text);

#endif
