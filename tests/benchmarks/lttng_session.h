/* SPDX-License-Identifier: MIT */
/*
 * A session of LTTng, with a session daemon of its own, that nobody else on the machine sees.
 */
#ifndef BENCH_LTTNG_SESSION_H
#define BENCH_LTTNG_SESSION_H

/* What the driver is started with to be the process that does the following. */
#define SESSION_OPTION "--session"
#define PLACE_OPTION "--place" /* without daemon and session: the worker only has LTTng in it */

/*
 * In a process that is made for it (by exec: it must not hold other workers' pipes open): start the
 * session, run the worker in it, end it, and give the worker's exit status. Where that can't be,
 * answers "skip" in the worker's stead.
 */
int session_run(const char *option, char *const worker[]);

#endif
