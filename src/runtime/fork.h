/* SPDX-License-Identifier: MIT */
/*
 * What the process does to librst's objects: it forks, and it exits.
 */
#ifndef RST_FORK_H
#define RST_FORK_H

/* Register the fork handlers, once. Gives 0 or a negative errno. */
int rst_fork_prepare(void);

#endif
