/* SPDX-License-Identifier: MIT */
/*
 * On a kernel that turns a nop of ten bytes into a call of a trampoline (Linux 7.3, and some before
 * it): librst chooses that nop, the kernel puts the call in, counts are exact, and forked children
 * live. RST_REQUIRE_NOP10=1 says that this kernel is one.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/children.h"
#include "support/shop.h"
#include "support/tracer.h"

#define FORKS 200
#define STUB_SIZE 32
#define SYSCALL_UPROBE 336
#define CALL 0xe8

static const uint8_t nop10[] = {0x66, 0x2e, 0x0f, 0x1f, 0x84}; /* and an operand of five bytes */
static const uint8_t lea[] = {0x48, 0x8d, 0x64, 0x24, 0x80, CALL}; /* -0x80(%rsp),%rsp */

static const uint8_t *site; /* of the shop's probe */

/* The system call is for the trampoline. To anybody else it says EPROTO on such a kernel. */
static bool kernel_takes_nop10(void)
{
#if defined(__x86_64__)
    return syscall(SYSCALL_UPROBE) < 0 && errno == EPROTO;
#else
    return false;
#endif
}

/* In a child: a loaded shop with such a site, and where that is. Skips on other kernels. */
static struct shop long_shop(void)
{
    const char *required = getenv("RST_REQUIRE_NOP10");
    struct shop shop;

    if (!required || !*required)
        check_applies(kernel_takes_nop10(), "this kernel makes no call of a nop10");
    check(kernel_takes_nop10());
    shop = shop_loaded();
    site =
        memmem((void *)(uintptr_t)rst_probe_function(shop.order), STUB_SIZE, nop10, sizeof(nop10));
    check(site != NULL);
    return shop;
}

static bool site_is_call(void)
{
    return memcmp(site, lea, sizeof(lea)) == 0;
}

/* A hit or two after a tracer has attached, the kernel puts the call in. */
static void check_becomes_call(struct shop shop)
{
    for (int hits = 0; hits < 10 && !site_is_call(); hits++)
        shop_fire(shop, 1);
    check(site_is_call());
}

static void attach_and_detach(void *unused)
{
    struct shop shop = long_shop();
    uint64_t before;
    int tracer;

    (void)unused;
    for (int cycle = 0; cycle < 3; cycle++) {
        tracer = shop_trace(shop);
        check_equal(*rst_probe_semaphore(shop.order), 1);
        check_becomes_call(shop);
        before = tracer_count(tracer);
        shop_fire(shop, 1000);
        check_equal(tracer_count(tracer), before + 1000);
        check_equal(rst_provider_unload(shop.provider), 0);
        check_equal(*rst_probe_semaphore(shop.order), 0);
        check(!site_is_call());
        shop_call(shop);
        check_equal(rst_provider_load(shop.provider), 0);
        check_equal(*rst_probe_semaphore(shop.order), 1);
        check_becomes_call(shop);
        close(tracer);
        check_equal(*rst_probe_semaphore(shop.order), 0);
        shop_call(shop);
    }
    rst_provider_free(shop.provider);
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
    check_becomes_call(shop);
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
