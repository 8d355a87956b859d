/* SPDX-License-Identifier: MIT */
/*
 * A session of LTTng, with a session daemon of its own, that nobody else on the machine sees.
 */
#ifndef BENCH_SESSION_H
#define BENCH_SESSION_H

/* What the driver is started with to be the process that does the following. */
#define SESSION_OPTION "--session"

/*
 * In a process that is made for it (by exec: it must not hold other workers' pipes open): start the
 * session, run the worker in it, end it, and give the worker's exit status. Where that can't be,
 * answers "skip" in the worker's stead.
 */
int session_run(char *const worker[]);

#endif
