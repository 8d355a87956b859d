/* SPDX-License-Identifier: MIT */
/*
 * No hole where the image is, whatever interrupts an unload: signals, while the kernel merges
 * memory (KSM), which makes mremap(2) fail after it has unmapped its target.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>

#include "support/children.h"
#include "support/shop.h"

#ifndef PR_SET_MEMORY_MERGE /* Linux 6.4 */
#define PR_SET_MEMORY_MERGE 67
#endif

#define CYCLES 4000
#define TICK_US 50

static struct shop shop;

/* What it calls must be there: else the child ends by SIGSEGV. */
static void call(int signal)
{
    (void)signal;
    shop_call(shop);
}

/* Without SA_RESTART, so that what can fail does. */
static void tick_by(int signal, int timer)
{
    const struct itimerval ticks = {{0, TICK_US}, {0, TICK_US}};
    struct sigaction action = {.sa_handler = call};

    check_equal(sigaction(signal, &action, NULL), 0);
    check_equal(setitimer(timer, &ticks, NULL), 0);
}

static void cycle(int signal, int timer)
{
    check_applies(prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0) == 0, "the kernel merges no memory");
    shop = shop_loaded();
    tick_by(signal, timer);
    for (int i = 0; i < CYCLES; i++) {
        check_equal(rst_provider_unload(shop.provider), 0);
        shop_call(shop);
        check_equal(rst_provider_load(shop.provider), 0);
        shop_call(shop);
    }
    setitimer(timer, &(struct itimerval){0}, NULL);
    rst_provider_free(shop.provider);
}

static void cycle_with_alarms(void *unused)
{
    (void)unused;
    cycle(SIGALRM, ITIMER_REAL);
}

static void an_unload_of_merged_memory_leaves_no_hole_when_signals_come(void **state)
{
    (void)state;
    in_child(cycle_with_alarms, NULL);
}

/* A signal that librst lets through at once: only how the copy is mapped helps. */
static struct sigevent every_tick = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGTRAP};

static void cycle_with_traps(void *unused)
{
    const struct itimerspec ticks = {{0, TICK_US * 1000}, {0, TICK_US * 1000}};
    struct sigaction action = {.sa_handler = call};
    timer_t timer;

    (void)unused;
    check_applies(prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0) == 0, "the kernel merges no memory");
    shop = shop_loaded();
    check_equal(sigaction(SIGTRAP, &action, NULL), 0);
    check_equal(timer_create(CLOCK_MONOTONIC, &every_tick, &timer), 0);
    check_equal(timer_settime(timer, 0, &ticks, NULL), 0);
    for (int i = 0; i < CYCLES; i++) {
        check_equal(rst_provider_unload(shop.provider), 0);
        check_equal(rst_provider_load(shop.provider), 0);
    }
    timer_delete(timer);
    rst_provider_free(shop.provider);
}

static void nor_when_they_are_signals_that_cannot_wait(void **state)
{
    (void)state;
    in_child(cycle_with_traps, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unload_of_merged_memory_leaves_no_hole_when_signals_come),
        cmocka_unit_test(nor_when_they_are_signals_that_cannot_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
