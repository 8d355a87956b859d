/* SPDX-License-Identifier: MIT */
/*
 * On a kernel that turns a nop of ten bytes into a call of a trampoline (Linux 7.3, and some before
 * it): librst chooses that nop, the kernel puts the call in, counts are exact, and forked children
 * live. RST_REQUIRE_NOP10=1 says that this kernel is one.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "called_site.h"
#include "support/children.h"
#include "support/shop.h"
#include "support/tracer.h"

#define FORKS 200
#define STUB_SIZE 32
#define SYSCALL_UPROBE 336

static const uint8_t nop10[] = {0x66, 0x2e, 0x0f, 0x1f, 0x84}; /* and an operand of five bytes */
static const uint8_t lea_and_call[] = {0x48, 0x8d, 0x64, 0x24, 0x80, 0xe8}; /* -0x80(%rsp),%rsp */
static struct called_site called;

/* The system call is for the trampoline. To anybody else it says EPROTO on such a kernel. */
static bool kernel_takes_nop10(void)
{
#if defined(__x86_64__)
    return syscall(SYSCALL_UPROBE) < 0 && errno == EPROTO;
#else
    return false;
#endif
}

/* In a child: a loaded shop with such a site, which is `called`. Skips on other kernels. */
static struct shop long_shop(void)
{
    const char *required = getenv("RST_REQUIRE_NOP10");

    if (!required || !*required)
        check_applies(kernel_takes_nop10(), "this kernel makes no call of a nop10");
    check(kernel_takes_nop10());
    called = find_called_site(shop_loaded(), nop10, sizeof(nop10), STUB_SIZE);
    called.call = lea_and_call;
    called.call_size = sizeof(lea_and_call);
    check(called.site != NULL);
    return called.shop;
}

static void attach_and_detach(void *unused)
{
    (void)unused;
    long_shop();
    check_calls_come_and_go(&called);
}

static void the_site_becomes_a_call_and_counts_are_exact(void **state)
{
    (void)state;
    need_tracer();
    in_child(attach_and_detach, NULL);
}

static void fire_in_child(void *data)
{
    shop_fire(*(struct shop *)data, 3);
}

static void fork_under_tracer_of_all(void *unused)
{
    struct shop shop = long_shop();
    struct tracers tracers = tracers_attach_everywhere(shop.order, "shop");
    uint64_t before;

    (void)unused;
    check_becomes_call(&called);
    before = tracers_count(&tracers);
    for (int i = 0; i < FORKS; i++)
        in_child(fire_in_child, &shop);
    check_equal(tracers_count(&tracers), before + FORKS * (uint64_t)3);
    tracers_detach(&tracers);
    check_equal(*rst_probe_semaphore(shop.order), 0);
    rst_provider_free(shop.provider);
}

static void forked_children_live_and_are_seen(void **state)
{
    (void)state;
    need_tracer();
    in_child(fork_under_tracer_of_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_site_becomes_a_call_and_counts_are_exact),
        cmocka_unit_test(forked_children_live_and_are_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
