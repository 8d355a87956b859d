/* SPDX-License-Identifier: MIT */
/*
 * What every worker of the benchmarks shares.
 *
 * A benchmark asks one question of several contenders. Each contender runs in a worker process of
 * its own, which waits until it is told to measure one round; the driver (driver.c) goes round
 * all of them, again and again, so that whatever disturbs the machine disturbs all alike.
 *
 * A worker reads commands from standard input, one byte each, and answers on standard output with
 * one line each:
 *
 *     (start)   "ready NOTE", "skip REASON" or "fail REASON"
 *     'r'       "metric value metric value ..."       one round
 *     (end)     "done NOTE" or "fail REASON"          after checking what was measured
 */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include <stddef.h>
#include <stdint.h>

enum bench_outcome { BENCH_OK, BENCH_SKIP, BENCH_FAIL };

struct bench_job {
    const char *name;

    /* Get ready for `arg` (the job's own, "" if none), and check that `run` will do what it says.
     */
    enum bench_outcome (*prepare)(const char *arg);

    /* Timed: do the operation `count` times, a multiple of BENCH_UNROLL. Or, instead: */
    void (*run)(uint64_t count);

    /* Measure once, and write "metric value ..." with bench_answer(). */
    enum bench_outcome (*measure)(void);

    /* Check what was measured; `total` operations were run. May be NULL. */
    enum bench_outcome (*finish)(uint64_t total);
};

/* Each worker program defines its own; the last has no name. */
extern const struct bench_job bench_jobs[];

/* Say why a job is skipped or has failed, or what is worth noting of it. Gives `outcome`. */
__attribute__((format(printf, 2, 3))) enum bench_outcome bench_say(enum bench_outcome outcome,
                                                                   const char *format, ...);

/* Add a metric to the round's answer. */
void bench_answer(const char *metric, double value);

/*
 * The nanoseconds of CPU time, kernel and all, that this thread has used. Nothing that is timed
 * here waits, so on an idle machine this is the time by the clock; on a busy one it leaves out the
 * turns of others.
 */
uint64_t bench_now(void);

/* ----------------------------------------------------------------------- the timed loops -- */

/*
 * The compiler must take every operation for a new one. A barrier after each says that memory may
 * have changed: nothing read before it may be remembered, and no two operations merge. Operations
 * stand back to back, BENCH_UNROLL of them per turn of the loop, so that the loop itself costs next
 * to nothing; what is left of it is measured with an empty operation and taken off.
 */
#define BENCH_BARRIER() __asm__ volatile("" ::: "memory")

#define BENCH_UNROLL 16
#define BENCH_FOUR(operation)                                                                      \
    operation;                                                                                     \
    BENCH_BARRIER();                                                                               \
    operation;                                                                                     \
    BENCH_BARRIER();                                                                               \
    operation;                                                                                     \
    BENCH_BARRIER();                                                                               \
    operation;                                                                                     \
    BENCH_BARRIER()

#define BENCH_RUN(name, operation)                                                                 \
    void name(uint64_t count);                                                                     \
    __attribute__((noinline, aligned(64))) void name(uint64_t count)                               \
    {                                                                                              \
        for (uint64_t i = 0; i < count; i += BENCH_UNROLL) {                                       \
            BENCH_FOUR(operation);                                                                 \
            BENCH_FOUR(operation);                                                                 \
            BENCH_FOUR(operation);                                                                 \
            BENCH_FOUR(operation);                                                                 \
        }                                                                                          \
    }                                                                                              \
    _Static_assert(BENCH_UNROLL == 16, "as many as BENCH_RUN repeats")

/* One operation a turn, for those that cost much more than a turn. */
#define BENCH_RUN_SINGLY(name, operation)                                                          \
    void name(uint64_t count);                                                                     \
    __attribute__((noinline, aligned(64))) void name(uint64_t count)                               \
    {                                                                                              \
        for (uint64_t i = 0; i < count; i++) {                                                     \
            operation;                                                                             \
            BENCH_BARRIER();                                                                       \
        }                                                                                          \
    }                                                                                              \
    struct bench_needs_semicolon

/* What all contenders fire: a number, a string and a narrow number. */
#define BENCH_SIGNATURE "uint64 id, string path, int32 status"
#define BENCH_PATH "/index"
#define BENCH_STATUS 200

/* ----------------------------------------------------------------------------- the guards -- */

/*
 * What stands behind each guard: a call, so that it is a branch, and out of line, so that every
 * contender has the same next to it. It counts, which shows whether the guard was passed.
 */
extern uint64_t bench_passed;
__attribute__((noinline, cold)) void bench_pass(void);

/*
 * Check a guard: `run` passes it never, and, with the semaphore raised by hand, every time; and
 * bench_finish_guard(), that it was never passed during the measurement.
 */
enum bench_outcome bench_check_guard(void (*run)(uint64_t count), void (*raise)(int by));
enum bench_outcome bench_finish_guard(uint64_t total);

#endif
