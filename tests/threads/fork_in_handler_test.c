/* SPDX-License-Identifier: MIT */
/*
 * A signal handler that forks, whatever librst is doing in the thread that it interrupts. Parent
 * and child both go on, from where they were.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/children.h"
#include "support/resources.h"
#include "support/shop.h"

#define TICK_NS (300 * 1000)
#define FORKS 150
#define CHILD_SECONDS 20 /* until a child that hangs is ended by SIGALRM */

static volatile sig_atomic_t forks, is_child;
static pid_t children[FORKS];
static timer_t timer;

/* Not at regular intervals: a signal that came amid a handler would be handled where that one was.
 */
static void set_timer(void)
{
    const struct itimerspec once = {.it_value = {0, TICK_NS}};

    timer_settime(timer, 0, &once, NULL);
}

static void fork_here(int signal)
{
    int error = errno;
    pid_t pid;

    (void)signal;
    if (is_child || forks == FORKS)
        return;
    pid = fork();
    if (pid == 0) {
        is_child = 1;
        alarm(CHILD_SECONDS);
    } else if (pid > 0) {
        children[forks++] = pid;
    }
    if (pid != 0)
        set_timer();
    errno = error;
}

/* In the child: what it was doing is done; now something new. */
static _Noreturn void go_on_in_child(struct shop shop)
{
    rst_provider *own = rst_provider_new("own");
    rst_probe *probe = rst_provider_add(own, "probe", NULL);

    check_equal(rst_provider_load(shop.provider), 0);
    check(rst_probe_path(shop.order) != NULL);
    shop_fire(shop, 1);
    shop_call(shop);
    check_equal(rst_provider_load(own), 0);
    check(rst_probe_path(probe) != NULL);
    rst_provider_free(own);
    check_equal(rst_provider_unload(shop.provider), 0);
    rst_provider_free(shop.provider);
    _exit(EXIT_SUCCESS);
}

static void load_unload_and_ask(struct shop shop)
{
    rst_provider *fresh = rst_provider_new("fresh");

    check(rst_provider_add(fresh, "probe", NULL) != NULL);
    check_equal(rst_provider_load(fresh), 0);
    for (int i = 0; i < 20; i++)
        check(rst_probe_path(shop.order) != NULL);
    check_equal(rst_provider_unload(shop.provider), 0);
    check_equal(rst_provider_load(shop.provider), 0);
    rst_provider_free(fresh);
}

static void add_many(struct shop shop)
{
    static unsigned count;
    char name[32];

    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "added%u", count++);
        check(rst_provider_add(shop.provider, name, "uint64 id, string path") != NULL);
    }
    check(rst_provider_add(shop.provider, name, NULL) == NULL);
    check_equal(errno, EEXIST);
}

static void join_children(void)
{
    for (int i = 0; i < forks; i++) {
        int status;

        check_equal(waitpid(children[i], &status, 0), children[i]);
        check_equal(status, 0);
    }
}

struct plan {
    int signal;
    void (*work)(struct shop shop);
};

static void fork_at_ticks(void *data)
{
    const struct plan *plan = data;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = plan->signal};
    struct sigaction action = {.sa_handler = fork_here, .sa_flags = SA_RESTART};
    struct shop shop = shop_loaded();

    check_equal(sigaction(event.sigev_signo, &action, NULL), 0);
    check_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    set_timer();
    while (forks < FORKS && !is_child)
        plan->work(shop);
    if (is_child)
        go_on_in_child(shop);
    timer_delete(timer);
    join_children();
    rst_provider_free(shop.provider);
}

static void fork_by(int signal, void (*work)(struct shop shop))
{
    struct plan plan = {signal, work};
    struct child child;

    check_applies(!SANITIZED, "the sanitizers' own locks know no fork in a signal handler");
    child = child_start(fork_at_ticks, &plan);
    child_join(&child);
}

static void a_handler_may_fork_amid_any_call(void **state)
{
    (void)state;
    fork_by(SIGUSR1, load_unload_and_ask);
}

/* Signals do not wait for these calls. */
static void a_handler_may_fork_amid_adding(void **state)
{
    (void)state;
    fork_by(SIGUSR1, add_many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handler_may_fork_amid_any_call),
        cmocka_unit_test(a_handler_may_fork_amid_adding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
