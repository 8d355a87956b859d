/* SPDX-License-Identifier: MIT */
#include "outcome_checks.h"

#include <errno.h>
#include <string.h>

#include "state_checks.h"

/* ----------------------------------------------------------------------- what was struck -- */

static bool has(const int *errors, int error)
{
    for (size_t i = 0; i < FAULT_ERRORS; i++)
        if (errors[i] && errors[i] == error)
            return true;
    return false;
}

bool is_word_of(const char *words, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = words; (at = strstr(at, word)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == '\0' || at[length] == ' '))
            return true;
    return strcmp(words, "*") == 0;
}

bool is_single_fault(const struct run *run)
{
    return run->plan.reach == ALONE && !run->plan.also_kind;
}

/* Whether the operation must fail by this one call. */
static bool is_fatal(const struct run *run, const struct fault_call *call)
{
    return call->kind->consequence == FATAL && !has(call->kind->harmless, call->error) &&
           !is_word_of(run->scenario->survives, call->kind->name) &&
           !(call->kind->detail && is_word_of(run->scenario->survives, call->kind->detail));
}

/* Whether it must succeed in spite of it. */
static bool is_harmless(const struct fault_call *call)
{
    return call->kind->consequence != FATAL || has(call->kind->harmless, call->error);
}

bool may_litter(void)
{
    for (size_t i = 0; i < fault_record->count; i++) {
        const struct fault_call *call = &fault_record->calls[i];

        if (call->error &&
            (call->kind->consequence == LITTERS || is_word_of("open64 fstat64", call->kind->name)))
            return true;
    }
    return false;
}

/* --------------------------------------------------------------------------- the result -- */

static int errno_of(int error)
{
    if (error == FAULT_HOLE)
        return ENOMEM;
    return error == FAULT_NOTHING ? EIO : error;
}

static bool explains(const struct fault_call *call, int result)
{
    return call->error && call->kind->words && errno_of(call->error) == -result &&
           strstr(rst_error(), call->kind->words);
}

static void expect_error(int result)
{
    for (size_t i = 0; i < fault_record->count; i++)
        if (explains(&fault_record->calls[i], result))
            return;
    complain("gave %s, and the error is \"%s\": neither is that of a call that failed",
             fault_error_name(-result), rst_error());
}

void expect_result(const struct run *run, int result)
{
    size_t first = fault_record->struck_first;
    const struct fault_call *call = first ? &fault_record->calls[first - 1] : NULL;

    if (!call) {
        if (run->plan.kind && !run->scenario->varies)
            complain("took another course than before: the call to fail is not there");
        if (result < 0)
            complain("failed: %s", rst_error());
        return;
    }
    if (is_single_fault(run)) {
        if (result == 0 && is_fatal(run, call))
            complain("succeeded");
        if (result < 0 && is_harmless(call))
            complain("failed: %s", rst_error());
    }
    if (result < 0)
        expect_error(result);
}

/* ----------------------------------------------------------------------------- the state -- */

bool has_struck(const char *names)
{
    for (size_t i = 0; i < fault_record->count; i++)
        if (fault_record->calls[i].error && is_word_of(names, fault_record->calls[i].kind->name))
            return true;
    return false;
}

void expect_failure(const struct run *run, struct fixture *fixture)
{
    enum old_probes old = run->scenario->old;

    if (old == OLD_SHOWN && has_struck("fstat64 stat64"))
        old = OLD_EITHER; /* librst had to take their backing for lost */
    expect_disabled(fixture, fixture->old, fixture->count);
    if (old == OLD_SHOWN)
        expect_enabled(fixture, 0,
                       run->traced ? 1 : fixture->old); /* the first is the traced one */
    if (old == OLD_DISABLED) {
        expect_disabled(fixture, 0, fixture->old);
        if (rst_provider_loaded(fixture->provider))
            complain("the provider counts as loaded");
    }
    fire_all(fixture);
}
