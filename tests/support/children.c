/* SPDX-License-Identifier: MIT */
#include "support/children.h"

#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/tracer.h"

#define POLL_NS (1000 * 1000)

/* For how many seconds to wait for an event that must come: a fifth of what tests wait for tracers.
 */
static int deadline(void)
{
    const char *seconds = getenv("RST_DEADLINE");

    return (seconds && *seconds ? atoi(seconds) : 100) / 5;
}

struct child_memory {
    char words[1024]; /* why a check failed, or why the child skips; else "" */
    enum { NOT_SKIPPED, CANNOT, DOES_NOT_APPLY } skipped;
    pid_t orphan;
    sem_t paused, go_on;
};

static struct child_memory *own; /* in a child: the memory that it shares with its parent */

/* ------------------------------------------------------------------------- checks -- */

void check_failed(const char *file, int line, const char *format, ...)
{
    char words[900];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    if (own) {
        snprintf(own->words, sizeof(own->words), "%s:%d: in a child: %s", file, line, words);
        _exit(EXIT_FAILURE);
    }
    print_error("%s\n", words);
    if (gettid() != getpid()) { /* only the first thread can jump back into the test runner */
        print_error("%s:%d: in a thread\n", file, line);
        _exit(EXIT_FAILURE);
    }
    _fail(file, line);
}

void check_equal_(const char *file, int line, const char *what, long long got, long long want)
{
    if (got != want)
        check_failed(file, line, "%s is %lld, not %lld (rst_error: %s)", what, got, want,
                     rst_error());
}

void check_text_(const char *file, int line, const char *what, const char *got, const char *want)
{
    if (!got || strcmp(got, want) != 0)
        check_failed(file, line, "%s is \"%s\", not \"%s\"", what, got ? got : "(NULL)", want);
}

void check_mentions_(const char *file, int line, const char *what, const char *got,
                     const char *part)
{
    if (!strstr(got, part))
        check_failed(file, line, "%s is \"%s\" and does not mention \"%s\"", what, got, part);
}

static void skip_in_child(int how, const char *reason)
{
    snprintf(own->words, sizeof(own->words), "%s", reason);
    own->skipped = how;
    _exit(EXIT_SUCCESS);
}

void check_can(bool condition, const char *reason)
{
    if (!condition && own)
        skip_in_child(CANNOT, reason);
    need(condition, reason);
}

void check_applies(bool condition, const char *reason)
{
    if (condition)
        return;
    if (own)
        skip_in_child(DOES_NOT_APPLY, reason);
    print_message("skipped: %s\n", reason);
    skip();
}

void check_not_emulated(const char *difference)
{
    const char *emulator = getenv("RST_EMULATOR");
    char reason[256];

    snprintf(reason, sizeof(reason), "%s %s", emulator ? emulator : "", difference);
    check_applies(!emulator, reason);
}

/* ----------------------------------------------------------------------- children -- */

static struct child_memory *new_memory(void)
{
    struct child_memory *memory =
        mmap(NULL, sizeof(*memory), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    check(memory != MAP_FAILED);
    sem_init(&memory->paused, 1, 0);
    sem_init(&memory->go_on, 1, 0);
    return memory;
}

/* Fork a child that runs `body` with `memory`; the child does not return. */
static pid_t fork_body(child_body *body, void *data, struct child_memory *memory)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    check(pid >= 0);
    if (pid > 0)
        return pid;
    own = memory;
    body(data);
    _exit(EXIT_SUCCESS);
}

struct child child_start(child_body *body, void *data)
{
    struct child child = {.memory = new_memory()};

    child.pid = fork_body(body, data, child.memory);
    return child;
}

/* Free the child's memory, then fail or skip as the child did. */
static void say_what_it_said(struct child *child)
{
    struct child_memory last = *child->memory;

    munmap(child->memory, sizeof(*child->memory));
    child->memory = NULL;
    if (last.skipped == CANNOT)
        check_can(false, last.words);
    if (last.skipped == DOES_NOT_APPLY)
        check_applies(false, last.words);
    if (last.words[0])
        check_failed(__FILE__, __LINE__, "%s", last.words);
}

void child_join_with(struct child *child, int want)
{
    pid_t pid;
    int status;

    do
        pid = waitpid(child->pid, &status, 0);
    while (pid < 0 && errno == EINTR);
    check_equal(pid, child->pid);
    say_what_it_said(child);
    if (status != want)
        check_failed(__FILE__, __LINE__, "the child ended with wait status %#x, not %#x",
                     (unsigned)status, (unsigned)want);
}

void child_join(struct child *child)
{
    child_join_with(child, 0);
}

void child_kill(struct child *child)
{
    kill(child->pid, SIGKILL);
    child_join_with(child, SIGKILL);
}

void in_child(child_body *body, void *data)
{
    struct child child = child_start(body, data);

    child_join(&child);
}

/* ------------------------------------------------------------------------- pausing -- */

static bool wait_for(sem_t *semaphore, int seconds, long nanoseconds)
{
    struct timespec until;
    int result;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += nanoseconds;
    until.tv_sec += seconds + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    do
        result = sem_timedwait(semaphore, &until);
    while (result < 0 && errno == EINTR);
    return result == 0;
}

void child_pause(void)
{
    sem_post(&own->paused);
    if (!wait_for(&own->go_on, 3 * deadline(), 0)) /* the parent has ended */
        _exit(EXIT_FAILURE);
}

static bool has_ended(const struct child *child)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == child->pid;
}

void child_await(struct child *child)
{
    for (int tries = 0; tries < deadline() * 10; tries++) {
        if (wait_for(&child->memory->paused, 0, 100 * 1000 * 1000))
            return;
        if (has_ended(child)) {
            child_join(child);
            check_failed(__FILE__, __LINE__, "the child ended before it paused");
        }
    }
    kill(child->pid, SIGKILL);
    check_failed(__FILE__, __LINE__, "the child did not pause within %d seconds", deadline());
}

void child_continue(struct child *child)
{
    sem_post(&child->memory->go_on);
}

/* ------------------------------------------------------------------------- orphans -- */

_Noreturn void child_leave_orphan(void (*end)(int status), child_body *body, void *data)
{
    own->orphan = fork_body(body, data, own);
    end(EXIT_SUCCESS);
    abort();
}

void child_adopt_orphan(struct child *child)
{
    int status;

    /* a grandchild whose parent ends becomes our child */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, &status, 0);
        munmap(child->memory, sizeof(*child->memory));
        check_applies(false, "this system has no PR_SET_CHILD_SUBREAPER");
    }
    child_continue(child);
    check_equal(waitpid(child->pid, &status, 0), child->pid);
    if (status != 0)
        say_what_it_said(child);
    check_equal(status, 0);
    child->pid = child->memory->orphan;
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* ------------------------------------------------------------------------- waiting -- */

bool wait_until(bool (*condition)(const void *data), const void *data)
{
    struct timespec now, end, nap = {.tv_nsec = POLL_NS};

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += deadline();
    while (!condition(data)) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec > end.tv_sec)
            return condition(data);
        nanosleep(&nap, NULL);
    }
    return true;
}

struct awaited {
    const volatile uint32_t *semaphore;
    uint16_t value;
};

static bool has_value(const void *data)
{
    const struct awaited *awaited = data;

    return *awaited->semaphore == awaited->value;
}

void check_semaphore_becomes(const rst_probe *probe, uint16_t value)
{
    struct awaited awaited = {rst_probe_semaphore(probe), value};

    if (!wait_until(has_value, &awaited))
        check_failed(__FILE__, __LINE__,
                     "the semaphore is %u; it did not become %u within %d seconds",
                     *awaited.semaphore, value, deadline());
}
