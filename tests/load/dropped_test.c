/* SPDX-License-Identifier: MIT */
/*
 * A program that drops its memory (madvise(MADV_DONTNEED)): a semaphore then reads zero though
 * somebody watches, until the next load has the kernel count again.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/children.h"
#include "support/sandbox.h"
#include "support/shop.h"
#include "support/tracer.h"

#ifdef SYS_mmap2 /* what mmap(3) calls on 32-bit CPUs */
#undef SYS_mmap
#define SYS_mmap SYS_mmap2
#endif

#define BREAKPOINT 0xcc /* int3 */
#define SITE 8          /* the site's offset in a stub of x86_64 */

static void drop_semaphore(const rst_probe *probe)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)rst_probe_semaphore(probe) & ~(page - 1);

    check_equal(madvise((void *)start, page, MADV_DONTNEED), 0);
    check_equal(*rst_probe_semaphore(probe), 0);
}

static void a_load_has_a_lost_tracer_counted_again(void **state)
{
    struct shop shop = shop_to_trace();
    rst_probe *refund = rst_provider_add(shop.provider, "refund", NULL);
    int tracer = shop_trace(shop);

    (void)state;
    drop_semaphore(shop.order);
    shop_fire(shop, 10); /* lost */
    assert_int_equal(tracer_count(tracer), 0);

    assert_int_equal(rst_provider_load(shop.provider), 0);
    assert_int_equal(*rst_probe_semaphore(shop.order), 1);
    assert_int_equal(*rst_probe_semaphore(refund), 0);
    shop_fire(shop, 100);
    assert_int_equal(tracer_count(tracer), 100);
    assert_int_equal(rst_provider_load(shop.provider), 0);
    assert_int_equal(*rst_probe_semaphore(shop.order), 1);
    close(tracer);
    assert_int_equal(*rst_probe_semaphore(shop.order), 0);
    check_traceable(shop);
    rst_provider_free(shop.provider);
}

static void several_tracers_are_counted_again(void **state)
{
    struct shop shop = shop_to_trace();
    int first = shop_trace(shop), second = shop_trace(shop);
    uint32_t counted = *rst_probe_semaphore(shop.order);

    (void)state;
    assert_true(counted > 0);
    drop_semaphore(shop.order);
    assert_int_equal(rst_provider_load(shop.provider), 0);
    assert_int_equal(*rst_probe_semaphore(shop.order), counted);
    close(first);
    shop_fire(shop, 10);
    assert_int_equal(tracer_count(second), 10);
    close(second);
    assert_int_equal(*rst_probe_semaphore(shop.order), 0);
    rst_provider_free(shop.provider);
}

/* Though another site has had a tracer without a semaphore until then. */
static void a_lost_tracer_is_told_from_one_without_a_semaphore(void **state)
{
    struct shop shop = shop_to_trace();
    rst_probe *refund = rst_provider_add(shop.provider, "refund", NULL);
    int uncounted, counted;

    (void)state;
    assert_int_equal(rst_provider_load(shop.provider), 0);
    uncounted = tracer_attach_uncounted(shop.order, "shop");
    counted = tracer_attach_probe(refund, "shop", 0);
    assert_int_equal(rst_provider_load(shop.provider), 0);
    close(uncounted);
    drop_semaphore(refund);
    assert_int_equal(rst_provider_load(shop.provider), 0);
    assert_int_equal(*rst_probe_semaphore(refund), 1);
    close(counted);
    rst_provider_free(shop.provider);
}

static void load_without_mappings(void *unused)
{
    struct shop shop = shop_loaded();
    int tracer = shop_trace(shop);

    (void)unused;
    drop_semaphore(shop.order);
    sandbox_refuse(SYS_mmap, ENOMEM);
    check_equal(rst_provider_load(shop.provider), -ENOMEM);
    check_mentions(rst_error(), "mmap");
    shop_fire(shop, 1);
    shop_call(shop);
    check_equal(tracer_count(tracer), 1);
}

static void a_repair_that_fails_leaves_the_probe_as_it_is(void **state)
{
    (void)state;
    need_tracer();
    in_child(load_without_mappings, NULL);
}

/* A tracer that does not name the semaphore is no sign that one was lost. */
static void a_tracer_without_a_semaphore_is_left_alone(void **state)
{
    struct shop shop = shop_to_trace();
    int tracer = tracer_attach_uncounted(shop.order, "shop");

    (void)state;
    assert_int_equal(*rst_probe_semaphore(shop.order), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rst_provider_load(shop.provider), 0);
    for (uint64_t i = 0; i < 10; i++)
        shop_call(shop);
    assert_int_equal(tracer_count(tracer), 10);
    close(tracer);
    check_traceable(shop);
    rst_provider_free(shop.provider);
}

/* Until that load the probe is disabled and safe; an unload and a load count the tracer, too. (It
 * must not detach in between: the kernel then keeps its uprobe for good.) */
static void a_lost_count_harms_nothing(void **state)
{
    struct shop shop = shop_to_trace();
    int tracer = shop_trace(shop);

    (void)state;
    drop_semaphore(shop.order);
    shop_fire(shop, 10);
    shop_call(shop);
    assert_int_equal(tracer_count(tracer), 1); /* the breakpoint is still there */
    assert_int_equal(rst_provider_unload(shop.provider), 0);
    assert_int_equal(rst_provider_load(shop.provider), 0);
    assert_int_equal(*rst_probe_semaphore(shop.order), 1);
    close(tracer);
    assert_int_equal(*rst_probe_semaphore(shop.order), 0);
    check_traceable(shop);
    rst_provider_free(shop.provider);
}

/* Without /proc/self/status, nobody knows whether a debugger is there. */
static void load_without_status(void *system_call)
{
    struct shop shop = shop_loaded();
    int tracer = shop_trace(shop);

    drop_semaphore(shop.order);
    sandbox_refuse(*(long *)system_call, EACCES);
    check_equal(rst_provider_load(shop.provider), 0);
    check_equal(*rst_probe_semaphore(shop.order), 0);
    shop_fire(shop, 1);
    check(tracer >= 0);
    rst_provider_free(shop.provider);
}

static void nothing_is_repaired_where_a_debugger_may_be(void **state)
{
#if defined(__GLIBC__) || !defined(SYS_open)
    long system_calls[] = {SYS_openat, SYS_read};
#else
    long system_calls[] = {SYS_open, SYS_read};
#endif

    (void)state;
    need_tracer();
    for (size_t i = 0; i < sizeof(system_calls) / sizeof(system_calls[0]); i++)
        in_child(load_without_status, &system_calls[i]);
}

/*
 * A debugger puts breakpoints into the process's own memory, and counts nothing in; a load that
 * mapped the text afresh would lose them.
 */
static void load_under_a_debugger(struct shop shop, const volatile uint8_t *site)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        _exit(1);
    raise(SIGSTOP);
    if (*site != BREAKPOINT)
        _exit(2);
    if (rst_provider_load(shop.provider) < 0)
        _exit(3);
    _exit(*site == BREAKPOINT ? 0 : 4);
}

static void a_debuggers_breakpoint_stays(void **state)
{
    struct shop shop = shop_loaded();
    uint8_t *site = (uint8_t *)(uintptr_t)rst_probe_function(shop.order) + SITE;
    pid_t child = fork();
    long word;
    int status;

    (void)state;
    check_not_emulated("has no ptrace(2)");
    if (child == 0)
        load_under_a_debugger(shop, site);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSTOPPED(status));
    word = ptrace(PTRACE_PEEKTEXT, child, site, NULL);
    word = (word & ~0xffL) | BREAKPOINT;
    assert_int_equal(ptrace(PTRACE_POKETEXT, child, site, word), 0);
    assert_int_equal(ptrace(PTRACE_CONT, child, NULL, NULL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    rst_provider_free(shop.provider);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_has_a_lost_tracer_counted_again),
        cmocka_unit_test(several_tracers_are_counted_again),
        cmocka_unit_test(a_lost_tracer_is_told_from_one_without_a_semaphore),
        cmocka_unit_test(a_repair_that_fails_leaves_the_probe_as_it_is),
        cmocka_unit_test(a_tracer_without_a_semaphore_is_left_alone),
        cmocka_unit_test(a_lost_count_harms_nothing),
        cmocka_unit_test(nothing_is_repaired_where_a_debugger_may_be),
        cmocka_unit_test(a_debuggers_breakpoint_stays),
    };

    return cmocka_run_group_tests_name("dropped", tests, NULL, NULL);
}
