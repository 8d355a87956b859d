/* SPDX-License-Identifier: MIT */
/*
 * A session of LTTng with a session daemon of its own, which other users of the machine don't see.
 */
#ifndef BENCH_LTTNG_SESSION_H
#define BENCH_LTTNG_SESSION_H

/* The driver starts itself with one of these options to become a process for a session. */
#define SESSION_OPTION "--session"
#define PLACE_OPTION "--place" /* without daemon and session: the worker only loads LTTng */

/*
 * Start the session, run the worker in it, end it, and give the worker's exit status. This runs in
 * a process of its own, started by exec, so that it does not hold other workers' pipes open. If
 * there can be no session, it answers "skip" in place of the worker.
 */
int session_run(const char *option, char *const worker[]);

#endif
