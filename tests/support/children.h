/* SPDX-License-Identifier: MIT */
/*
 * Tests that need a process of their own, and checks that work in it.
 *
 * cmocka's asserts jump back into the test runner, of which a forked child has a copy: the child
 * would go on with the next tests. A check of this file fails the test in the test's own process;
 * in a child it ends the child, and the parent then fails the test with the child's message. A
 * child and its parent communicate only through shared memory, so that a child may close every
 * descriptor.
 */
#ifndef TEST_CHILDREN_H
#define TEST_CHILDREN_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "rst.h"

/* ------------------------------------------------------------------------- checks -- */

__attribute__((format(printf, 3, 4))) void check_failed(const char *file, int line,
                                                        const char *format, ...);
void check_equal_(const char *file, int line, const char *what, long long got, long long want);
void check_text_(const char *file, int line, const char *what, const char *got, const char *want);
void check_mentions_(const char *file, int line, const char *what, const char *got,
                     const char *part);

#define check(condition)                                                                           \
    ((condition) ? (void)0                                                                         \
                 : check_failed(__FILE__, __LINE__, "%s (errno: %s; rst_error: %s)", #condition,   \
                                strerror(errno), rst_error()))
#define check_equal(got, want)                                                                     \
    check_equal_(__FILE__, __LINE__, #got, (long long)(got), (long long)(want))
#define check_text(got, want) check_text_(__FILE__, __LINE__, #got, got, want)
#define check_mentions(got, part) check_mentions_(__FILE__, __LINE__, #got, got, part)

/*
 * Skip the test for that reason, in a child, too: because a privilege or a tool is missing, like
 * need() of tracer.h; or because the test does not apply to this system.
 */
void check_can(bool condition, const char *reason);
void check_applies(bool condition, const char *reason);

/*
 * Skip the test if an emulator of another CPU runs it (qemu-user, which sets RST_EMULATOR), because
 * of what that does differently from a kernel: "has no seccomp".
 */
void check_not_emulated(const char *difference);

/* ----------------------------------------------------------------------- children -- */

typedef void child_body(void *data);

struct child {
    pid_t pid;
    struct child_memory *memory;
};

/*
 * Fork a child that runs `body` and then calls _exit(2). Wait for it, and fail or skip as it did.
 */
void in_child(child_body *body, void *data);

/* The same in steps. A child that has been started must be joined, killed, or waited for. */
struct child child_start(child_body *body, void *data);
void child_join(struct child *child);
void child_join_with(struct child *child, int status); /* it must end with that wait status */
void child_kill(struct child *child);                  /* SIGKILL, and wait until it has ended */

/*
 * In the child: tell the parent that it is here, and wait until the parent calls child_continue().
 */
void child_pause(void);

/* In the parent: wait until the child pauses; let it go on. */
void child_await(struct child *child);
void child_continue(struct child *child);

/*
 * In the child: fork an orphan that runs `body`, and end by `end` (exit or _exit). In the parent:
 * let the child go on to that; `child` then refers to the orphan.
 */
_Noreturn void child_leave_orphan(void (*end)(int status), child_body *body, void *data);
void child_adopt_orphan(struct child *child);

/* Poll until the condition holds, for 20 seconds at most. Gives whether it does. */
bool wait_until(bool (*condition)(const void *data), const void *data);

/* Wait until the semaphore has that value. */
void check_semaphore_becomes(const rst_probe *probe, uint16_t value);

#endif
