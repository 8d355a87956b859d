/* SPDX-License-Identifier: MIT */
/*
 * What a program may ask for as a backing.
 */
#ifndef RST_BACKING_CHECK_H
#define RST_BACKING_CHECK_H

/* Check what the program or the environment (`whose`) asks for. Gives 0 or -EINVAL. */
int rst_backing_check(const char *whose, int backing, const char *directory);

#endif
