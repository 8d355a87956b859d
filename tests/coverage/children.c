/* SPDX-License-Identifier: MIT */
/*
 * In a build with -Db_coverage, this makes gcov count in the forked children of tests.
 *
 * A child ends by _exit(2), before gcov can write its counts. And gcov's own fork() sets the counts
 * in the child to zero at its end, so that those of pthread_atfork(3)'s handlers would be lost. The
 * two functions here replace both.
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

/*
 * The compiler calls this for fork(). The child goes on with its parent's counts, which are then
 * counted twice. That does no harm: the report tells only what has run, not how often.
 */
pid_t __gcov_fork(void)
{
    pid_t (*volatile real_fork)(void) = fork; /* a direct call would call this function */

    return real_fork();
}
