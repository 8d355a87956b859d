/* SPDX-License-Identifier: MIT */
/*
 * No failure harms the host: each system call and allocation that librst makes is made to fail, one
 * by one and in combination, in every scenario (load_scenarios.c). Each time there must be an error
 * that names what failed, disabled handles, and no leak; and the next try must work.
 *
 * Arguments: nm, and the library whose calls wrap.c stands before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "scenario_runs.h"
#include "support/children.h"
#include "support/resources.h"
#include "support/tracer.h"
#include "wrap.h"

#define ONLY "RST_FAULTS_ONLY" /* run the scenarios with this in their names: to look into one */

static const char *nm, *library;

/* ---------------------------------------------------------------------- completeness -- */

/*
 * What librst calls besides: none of these can fail, or has an error to give. Or its failure is
 * tested elsewhere: what a fire calls, which makes nothing of it (madvise, process_vm_readv:
 * tracers/strings_test.py), madvise(MADV_UNMERGEABLE), which most kernels refuse, and read(), of
 * /proc/self/status only (load/dropped_test.c).
 */
static const char infallible[] =
    " __errno_location __isoc23_sscanf bcmp __isoc23_strtol __isoc99_sscanf __libc_single_threaded"
    " __tls_get_addr _GLOBAL_OFFSET_TABLE_ _r_debug clock_gettime dl_iterate_phdr geteuid getpid "
    "madvise"
    " memchr memcmp memcpy memmove memset nanosleep pthread_cond_broadcast pthread_cond_clockwait "
    "pthread_cond_wait"
    " process_vm_readv read pthread_detach pthread_join pthread_mutex_lock pthread_mutex_unlock"
    " pthread_self pthread_setcancelstate pthread_sigmask sigdelset sigfillset"
    " secure_getenv sem_init sem_post sem_trywait snprintf sprintf sscanf strcmp strcpy strcspn "
    "strerror_r "
    "strlen"
    " strchr strncat strncmp strrchr strspn strstr strtol sysconf vsnprintf"
    " __memcpy_chk __memset_chk __snprintf_chk __sprintf_chk __strcpy_chk __strncat_chk"
    " __vsnprintf_chk __stack_chk_fail ";

/*
 * Of compilers' own making: sanitizers and counters; then what some CPUs have functions for, and
 * not instructions.
 */
static const char *const instrumentation[] = {
    "__asan_",       "__ubsan_",      "__tsan_",         "__sanitizer_",     "__gcov_",
    "__llvm_",       "__start___san", "__stop___san",    "__aarch64_",       "__aeabi_",
    "__divdi3",      "__moddi3",      "__udivdi3",       "__umoddi3",        "__ctzdi2",
    "__clear_cache", "__riscv_flush", "___tls_get_addr", "__tls_get_offset", ".TOC."};

static bool is_listed(const char *list, const char *name)
{
    char word[128];

    snprintf(word, sizeof(word), " %s ", name);
    return strstr(list, word) != NULL;
}

static bool is_instrumentation(const char *name)
{
    for (size_t i = 0; i < sizeof(instrumentation) / sizeof(instrumentation[0]); i++)
        if (strncmp(name, instrumentation[i], strlen(instrumentation[i])) == 0)
            return true;
    return false;
}

/* Run `nm` with an option; gives its names between blanks, to be freed. */
static char *names_of(const char *option)
{
    char command[1024], name[256], *names = calloc(1, 1 << 16);
    size_t length = 1;
    FILE *output;

    assert_non_null(names);
    snprintf(command, sizeof(command), "'%s' -j %s '%s'", nm, option, library);
    output = popen(command, "r");
    assert_non_null(output);
    names[0] = ' ';
    while (fscanf(output, "%255s", name) == 1) {
        length += (size_t)snprintf(names + length, (1 << 16) - length, "%s ", name);
        assert_true(length < 1 << 16);
    }
    assert_int_equal(pclose(output), 0);
    return names;
}

static void every_call_can_be_made_to_fail(void **state)
{
    char *undefined = names_of("-u"), *defined = names_of("--defined-only");
    size_t seen = 0, missing = 0;

    (void)state;
    for (char *name = strtok(undefined, " "); name; name = strtok(NULL, " ")) {
        if (is_listed(defined, name))
            continue;
        seen++;
        if (is_listed(" " WRAPPED " ", name) || is_listed(infallible, name) ||
            is_instrumentation(name))
            continue;
        print_error("librst calls %s, which is neither wrapped nor infallible\n", name);
        missing++;
    }
    free(undefined);
    free(defined);
    assert_true(seen > 20);
    assert_int_equal(missing, 0);
}

static void every_call_has_been_made_to_fail(void **state)
{
    size_t missing = 0;

    (void)state;
    check_not_emulated("has not run every scenario");
    if (getenv(ONLY)) {
        print_message("skipped: not all scenarios have been run\n");
        skip();
    }
    for (size_t i = 0; i < fault_kind_count; i++)
        if ((fault_kinds[i].errors[0] || fault_kinds[i].harmless[0]) &&
            fault_record->struck[i] == 0) {
            print_error("%s %s was never made to fail\n", fault_kinds[i].name,
                        fault_kinds[i].detail ? fault_kinds[i].detail : "");
            missing++;
        }
    assert_int_equal(missing, 0);
}

/* ------------------------------------------------------------------------ the scenarios -- */

static void run_all(size_t (*run)(const struct scenario *scenario))
{
    const char *only = getenv(ONLY);
    struct resources before = resources_now(), after;
    size_t runs = 0;

    fixture_name_crashes(); /* in each test: cmocka has handlers of its own for it */
    fault_record->complaints = 0;
    for (size_t i = 0; i < scenario_count; i++)
        if (!only || strstr(scenarios[i].name, only))
            runs += run(&scenarios[i]);
    print_message("%zu runs\n", runs);
    after = resources_now();
    assert_int_equal(fault_record->complaints, 0);
    assert_true(runs > 0);
    assert_int_equal(after.descriptors, before.descriptors);
    assert_int_equal(after.libraries, before.libraries);
}

static void one_failure_harms_nothing(void **state)
{
    (void)state;
    run_all(run_alone);
}

static void several_failures_harm_nothing(void **state)
{
    (void)state;
    check_not_emulated("takes too long for every two failures");
    run_all(run_combined);
}

static void a_tracer_counts_exactly_after_a_failure(void **state)
{
    (void)state;
    need_tracer();
    run_all(run_traced);
}

static int prepare(void **state)
{
    (void)state;
    faults_prepare();
    fixture_prepare_process();
    return 0;
}

static int leave(void **state)
{
    (void)state;
    fixture_leave_process();
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest unwatched[] = {
        cmocka_unit_test(one_failure_harms_nothing),
        cmocka_unit_test(several_failures_harm_nothing),
        cmocka_unit_test(every_call_can_be_made_to_fail),
        cmocka_unit_test(every_call_has_been_made_to_fail),
    };
    const struct CMUnitTest watched[] = {cmocka_unit_test(a_tracer_counts_exactly_after_a_failure)};

    if (argc == 4 && strcmp(argv[3], "watched") == 0)
        return cmocka_run_group_tests(watched, prepare, leave);
    if (argc != 4 || strcmp(argv[3], "unwatched") != 0) {
        fprintf(stderr, "usage: %s NM LIBRARY unwatched|watched\n", argv[0]);
        return 2;
    }
    nm = argv[1];
    library = argv[2];
    return cmocka_run_group_tests(unwatched, prepare, leave);
}
