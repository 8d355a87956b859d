/* SPDX-License-Identifier: MIT */
/*
 * Removing files that nobody uses any more.
 *
 * A file must go when nobody uses it, whoever is the last: the process that made it, a child of it
 * that lived longer, or, when they were killed, the next process that comes by. The kernel knows
 * who uses it: a write lease (fcntl(2), F_SETLEASE) is granted on a file that nobody has open or
 * mapped, whatever PID namespace they are in and whichever descriptors they have closed.
 *
 * To ask takes five system calls a file, and those of one directory wait for each other. So a
 * process looks through a directory once, and again when a minute has passed. Of the files of
 * processes that seem to live, by their ids, it asks for a few at random: the id may be another's
 * by now.
 */
#ifndef RST_SWEEP_H
#define RST_SWEEP_H

#include <stdbool.h>

/* Whether nobody but the caller's descriptor has the file open or mapped. False also where leases
 * are unavailable. */
bool rst_sweep_is_unused(int fd);

/* Remove what killed processes left in the directory, unless it was done a short while ago; and
 * what we left. What can't be removed stays for another to try. */
void rst_sweep(int directory);

/* A file of ours has to stay, because another process uses it: look for it at each sweep. */
void rst_sweep_leave(const char *path);

/* Forget which directories were swept: one is gone, and another may get its inode. */
void rst_sweep_anew(void);

#endif
