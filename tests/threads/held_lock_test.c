/* SPDX-License-Identifier: MIT */
/*
 * Handlers of signals that come while a probe is added: of those that wait for the lock, which
 * another thread has, and of those that have it, or are about to. And one that forks at each
 * instruction of taking and releasing it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "runtime/lock.h"
#include "support/children.h"
#include "support/resources.h"
#include "support/sandbox.h"
#include "support/shop.h"

#define CHILD_SECONDS 20 /* until a child that hangs is ended by SIGALRM */

/* ----------------------------------------------------------------- who waits for the lock -- */

static pthread_t adder;
static pid_t adder_id;
static pthread_barrier_t locked;
static volatile pid_t forked;

static void fork_here(int signal)
{
    pid_t pid = fork();

    (void)signal;
    if (pid == 0)
        alarm(CHILD_SECONDS);
    forked = pid;
}

/* A set of signals, in the lines of /proc/PID/task/TID/status. */
static unsigned long long signals_of(const char *name)
{
    char path[64], line[256];
    unsigned long long set = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)adder_id);
    file = fopen(path, "re");
    check(file != NULL);
    while (fgets(line, sizeof(line), file))
        if (strncmp(line, name, strlen(name)) == 0)
            set = strtoull(line + strlen(name), NULL, 16);
    fclose(file);
    return set;
}

/* Whether the other thread is in a system call. */
static bool is_in(long number)
{
    char path[64], call[64] = "";
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", (int)adder_id);
    file = fopen(path, "re");
    check(file != NULL);
    check(fgets(call, sizeof(call), file) != NULL);
    fclose(file);
    return *call != 'r' && atol(call) == number; /* "running" */
}

/* Have the lock until the other thread waits for it, and a signal for that thread is held. */
static void *hold_the_lock(void *unused)
{
    const unsigned long long bit = 1ULL << (SIGUSR1 - 1);

    (void)unused;
    rst_lock();
    pthread_barrier_wait(&locked);
    while (!is_in(SYS_futex))
        usleep(1000);
    check((signals_of("SigBlk:") & bit) != 0);
    check_equal(pthread_kill(adder, SIGUSR1), 0);
    check((signals_of("SigPnd:") & bit) != 0);
    check_equal(forked, 0);
    rst_unlock();
    return NULL;
}

/* The same, with a signal that is not held. Its handler's fork waits for the lock, and not only as
 * long as it would if it might be its own thread's. */
static void *hold_the_lock_of_a_fork(void *unused)
{
    (void)unused;
    rst_lock();
    pthread_barrier_wait(&locked);
    while (!is_in(SYS_futex))
        usleep(1000);
    check_equal(pthread_kill(adder, SIGTRAP), 0);
    while (!is_in(SYS_nanosleep) && !is_in(SYS_clock_nanosleep))
        usleep(100);
    usleep(300 * 1000);
    check_equal(forked, 0);
    rst_unlock();
    return NULL;
}

static void add_while_the_lock_is_held(void *hold)
{
    void *(*const body)(void *) = hold ? hold_the_lock_of_a_fork : hold_the_lock;
    struct sigaction action = {.sa_handler = fork_here};
    struct shop shop = shop_loaded();
    pthread_t holder;
    pid_t parent = getpid();
    int status;

    adder = pthread_self();
    adder_id = (pid_t)syscall(SYS_gettid);
    check_equal(sigaction(SIGUSR1, &action, NULL), 0);
    check_equal(sigaction(SIGTRAP, &action, NULL), 0);
    check_equal(pthread_barrier_init(&locked, NULL, 2), 0);
    check_equal(pthread_create(&holder, NULL, body, NULL), 0);
    pthread_barrier_wait(&locked);
    check(rst_provider_add(shop.provider, "late", NULL) != NULL);
    check_equal(rst_provider_load(shop.provider), 0);
    rst_provider_free(shop.provider);
    if (getpid() != parent)
        _exit(EXIT_SUCCESS);
    check_equal(pthread_join(holder, NULL), 0);
    check(forked > 0);
    check_equal(waitpid(forked, &status, 0), forked);
    check_equal(status, 0);
}

static void signals_wait_while_an_add_waits(void **state)
{
    (void)state;
    check_not_emulated("shows no thread's system call");
    check_applies(!SANITIZED, "the sanitizers' own locks know no fork in a signal handler");
    in_child(add_while_the_lock_is_held, NULL);
}

static void a_fork_waits_while_another_thread_has_the_lock(void **state)
{
    (void)state;
    check_not_emulated("shows no thread's system call");
    check_applies(!SANITIZED, "the sanitizers' own locks know no fork in a signal handler");
    in_child(add_while_the_lock_is_held, &locked);
}

/* ------------------------------------------------------------------------ each instruction -- */

#if defined(__x86_64__)
#define TRAP_FLAG 0x100

static volatile sig_atomic_t steps, fork_at;

/* The processor traps after each instruction, but not in this handler. */
static void step(int signal, siginfo_t *info, void *context)
{
    ucontext_t *thread = context;

    (void)info;
    if (steps++ != fork_at)
        return;
    thread->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
    fork_here(signal);
}

#define SET_FLAGS(instruction)                                                                     \
    __asm__ volatile("lea -128(%%rsp), %%rsp\n pushfq\n " instruction ", (%%rsp)\n popfq\n"        \
                     "lea 128(%%rsp), %%rsp\n" ::                                                  \
                         : "memory", "cc")

static void fork_at_each_instruction(void *unused)
{
    struct sigaction action = {.sa_sigaction = step, .sa_flags = SA_SIGINFO};
    struct shop shop = shop_loaded();
    const pid_t parent = getpid();
    int status;

    (void)unused;
    check_equal(sigaction(SIGTRAP, &action, NULL), 0);
    for (fork_at = 0;; fork_at++) {
        forked = 0;
        steps = 0;
        SET_FLAGS("orq $0x100");
        rst_lock_briefly();
        rst_unlock_briefly();
        SET_FLAGS("andq $~0x100");
        if (getpid() != parent || forked == 0)
            break;
        check_equal(waitpid(forked, &status, 0), forked);
        check_equal(status, 0);
    }
    check(rst_provider_add(shop.provider, "late", NULL) != NULL);
    check_equal(rst_provider_load(shop.provider), 0);
    rst_provider_free(shop.provider);
    if (getpid() != parent)
        _exit(EXIT_SUCCESS);
    check(fork_at > 20); /* so many instructions it takes at least */
}

static void a_handler_may_fork_at_each_instruction(void **state)
{
    (void)state;
    check_not_emulated("traps after no instruction");
    check_applies(!SANITIZED, "the sanitizers' own locks know no fork in a signal handler");
    in_child(fork_at_each_instruction, NULL);
}
#endif

/* ----------------------------------------------------------------------- who has the lock -- */

static void exit_amid_an_add(void *data)
{
    struct shop shop = shop_new();

    check_equal(rst_provider_set_backing(shop.provider, RST_BACKING_FILE, data), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    rst_lock_briefly();
    exit(EXIT_SUCCESS); /* as a handler does that comes now */
}

static void an_exit_amid_an_add_leaves_no_file(void **state)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        exit_amid_an_add(*state);
    check_equal(waitpid(pid, &status, 0), pid);
    check_equal(status, 0);
    assert_int_equal(entries_of(*state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_wait_while_an_add_waits),
        cmocka_unit_test(a_fork_waits_while_another_thread_has_the_lock),
#if defined(__x86_64__)
        cmocka_unit_test(a_handler_may_fork_at_each_instruction),
#endif
        cmocka_unit_test_setup_teardown(an_exit_amid_an_add_leaves_no_file, make_directory,
                                        remove_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
