/* SPDX-License-Identifier: MIT */
/*
 * Shared by all workers of the benchmarks.
 *
 * A benchmark asks several contenders one question. Each contender runs in a worker process of its
 * own, which waits until it is told to measure a round. The driver (driver.c) goes round all
 * workers again and again, so that a disturbance of the machine affects all of them alike.
 *
 * A worker reads commands from standard input, one byte each, and answers each with a line on
 * standard output:
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

    /* Prepare for `arg` (the job's argument, or ""), and check that `run` does what it should. */
    enum bench_outcome (*prepare)(const char *arg);

    /* Timed: do the operation `count` times, a multiple of BENCH_UNROLL. Or, instead of `run`: */
    void (*run)(uint64_t count);

    /* Measure once, and write "metric value ..." with bench_answer(). */
    enum bench_outcome (*measure)(void);

    /* Check the measurement, after `total` operations. May be NULL. */
    enum bench_outcome (*finish)(uint64_t total);
};

/* Each worker program defines its jobs; the last entry has no name. */
extern const struct bench_job bench_jobs[];

/* Report why a job is skipped or has failed, or a note on it. Gives `outcome`. */
__attribute__((format(printf, 2, 3))) enum bench_outcome bench_say(enum bench_outcome outcome,
                                                                   const char *format, ...);

/* Add a metric to the round's answer. */
void bench_answer(const char *metric, double value);

/*
 * The nanoseconds of CPU time, with the kernel's, that this thread has used. No timed operation
 * waits, so on an idle machine this is the time by the clock. On a busy machine it leaves out the
 * time of other processes.
 */
uint64_t bench_now(void);

/* ----------------------------------------------------------------------- the timed loops -- */

/*
 * The compiler must not merge operations. A barrier after each tells it that memory may have
 * changed, so that nothing read earlier may be reused. A turn of the loop has BENCH_UNROLL
 * operations one after the other, so that the loop itself costs next to nothing. The rest of its
 * cost is measured with an empty operation and subtracted.
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

/* One operation in each turn, for operations that cost much more than a turn. */
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

/* All contenders fire these: a number, a string and a narrow number. */
#define BENCH_SIGNATURE "uint64 id, string path, int32 status"
#define BENCH_PATH "/index"
#define BENCH_STATUS 200

/* ----------------------------------------------------------------------------- the guards -- */

/*
 * The code behind each guard: a call, so that the guard is a branch, and out of line, so that it is
 * the same for every contender. It counts, which shows whether the guard was passed.
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
