/* SPDX-License-Identifier: MIT */
/*
 * Steps through a loaded probe's function, instruction by instruction. At each, the C runtime's
 * unwinder must find the caller, and the caller's caller.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unwind.h>

#include <cmocka.h>

#include "rst.h"

#define TRAP_FLAG 0x100
#define MOST_FRAMES 32
#define MOST_STEPS 32

typedef void stub_function(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                           uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

static uintptr_t stub; /* the function to step through */
static volatile sig_atomic_t stop;

/* For each instruction: its offset, and the functions of the next two frames. */
static struct step {
    uintptr_t offset;
    const void *caller, *callers_caller;
} steps[MOST_STEPS];
static volatile size_t step_count;

struct walk {
    size_t count;
    uintptr_t pcs[MOST_FRAMES];
};

static _Unwind_Reason_Code keep_frame(struct _Unwind_Context *context, void *argument)
{
    struct walk *walk = argument;
    int is_exact = 0;
    uintptr_t pc = _Unwind_GetIPInfo(context, &is_exact);

    if (walk->count == MOST_FRAMES)
        return _URC_END_OF_STACK;
    /* a return address may be just past the end of the calling function */
    walk->pcs[walk->count++] = is_exact ? pc : pc - 1;
    return _URC_NO_REASON;
}

static const void *function_of(const struct walk *walk, size_t frame)
{
    union {
        uintptr_t pc;
        void *address;
    } at = {frame < walk->count ? walk->pcs[frame] : 0};

    return at.pc ? _Unwind_FindEnclosingFunction(at.address) : NULL;
}

static void walk_from(uintptr_t pc)
{
    struct step *step = &steps[step_count];
    struct walk walk = {0};
    size_t frame = 0;

    _Unwind_Backtrace(keep_frame, &walk);
    while (frame < walk.count && walk.pcs[frame] != pc)
        frame++;
    step->offset = pc - stub;
    step->caller = function_of(&walk, frame + 1);
    step->callers_caller = function_of(&walk, frame + 2);
    step_count++;
}

/* The first call turns stepping on; then there is one for each instruction. */
static void on_trap(int number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    uintptr_t pc = (uintptr_t)registers[REG_RIP];

    (void)number;
    (void)info;
    if (stop)
        registers[REG_EFL] &= ~TRAP_FLAG;
    else
        registers[REG_EFL] |= TRAP_FLAG;
    if (pc >= stub && pc < stub + 32 && step_count < MOST_STEPS)
        walk_from(pc);
}

__attribute__((noinline)) static void call_stepwise(stub_function *function)
{
    raise(SIGTRAP);
    function(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    stop = 1;
    raise(SIGTRAP);
}

__attribute__((noinline)) static void call_the_caller(stub_function *function)
{
    call_stepwise(function);
    stop = 1; /* prevents a tail call, which would remove this frame */
}

static stub_function *function_of_probe(const rst_probe *probe)
{
    return (stub_function *)rst_probe_function(probe);
}

/* The instructions are endbr64, push, mov, the nop (before a nop5 a 1-byte nop, too), pop, ret. */
static void assert_each_step_found_the_callers(void)
{
    static const uintptr_t prologue[] = {0, 4, 5, 8, 9};
    size_t before = step_count == 7 ? 5 : 4;
    uintptr_t pop;

    assert_int_equal(step_count, before + 2);
    pop = steps[before].offset;
    if (before == 5 ? pop != 9 + 5 : pop != 8 + 1 && pop != 8 + 10)
        fail_msg("the nop ends at %ju", (uintmax_t)pop);
    assert_int_equal(steps[before + 1].offset, pop + 1);
    for (size_t i = 0; i < step_count; i++) {
        if (i < before)
            assert_int_equal(steps[i].offset, prologue[i]);
        if (steps[i].caller != (const void *)(uintptr_t)call_stepwise ||
            steps[i].callers_caller != (const void *)(uintptr_t)call_the_caller)
            fail_msg("at +%ju the callers are %p and %p, not %p and %p", (uintmax_t)steps[i].offset,
                     steps[i].caller, steps[i].callers_caller,
                     (const void *)(uintptr_t)call_stepwise,
                     (const void *)(uintptr_t)call_the_caller);
    }
}

static void step_through(const rst_probe *probe)
{
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO}, old;

    stub = (uintptr_t)rst_probe_function(probe);
    step_count = 0;
    stop = 0;
    assert_int_equal(sigaction(SIGTRAP, &action, &old), 0);
    call_the_caller(function_of_probe(probe));
    assert_int_equal(sigaction(SIGTRAP, &old, NULL), 0);
    assert_each_step_found_the_callers();
}

/* Step through some of many probes; an entry of the unwind table is for 64. */
static void step_through_many(const char *provider_name)
{
    enum { COUNT = 150 };
    static const size_t some[] = {0, 1, 62, 63, 64, 65, 127, 128, COUNT - 1};
    rst_provider *provider = rst_provider_new(provider_name);
    rst_probe *probes[COUNT];
    char name[16];

    for (size_t i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "probe%zu", i);
        probes[i] = rst_provider_add(provider, name,
                                     "int8,int8,int8,int8,int8,int8,int8,int8,int8,int8,int8,int8");
        assert_non_null(probes[i]);
    }
    if (rst_provider_load(provider) < 0)
        fail_msg("%s", rst_error());
    for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
        step_through(probes[some[i]]);
    rst_provider_free(provider);
}

static void the_caller_is_found_from_each_instruction(void **state)
{
    (void)state;
    step_through_many("unwind");
}

/* A kernel that supports RST_NOP=fast gives the stub another nop. */
static void the_caller_is_found_around_the_fast_nop(void **state)
{
    (void)state;
    assert_int_equal(setenv("RST_NOP", "fast", 1), 0);
    step_through_many("unwind_fast");
    unsetenv("RST_NOP");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_caller_is_found_from_each_instruction),
        cmocka_unit_test(the_caller_is_found_around_the_fast_nop),
    };

    return cmocka_run_group_tests_name("unwind", tests, NULL, NULL);
}
