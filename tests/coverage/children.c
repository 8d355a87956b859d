/* SPDX-License-Identifier: MIT */
/*
 * In a build with -Db_coverage: what the forked children of tests run counts, too.
 *
 * They end by _exit(2), which leaves gcov no time to write its counts down. And gcov's own fork
 * sets the counts to zero in the child when the fork is over: those of what pthread_atfork(3) has
 * run there would be gone. These two take the place of both.
 */
#include <gcov.h>
#include <stdlib.h>
#include <unistd.h>

pid_t __gcov_fork(void);

void _exit(int status)
{
    __gcov_dump();
    _Exit(status);
}

/* What the compiler calls for fork(). The child counts on from what its parent has counted, which
 * is then there twice; but it is asked only what has run, not how often. */
pid_t __gcov_fork(void)
{
    pid_t (*volatile real_fork)(void) = fork; /* or it would call this one */

    return real_fork();
}
