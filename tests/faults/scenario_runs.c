/* SPDX-License-Identifier: MIT */
#include "scenario_runs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "outcome_checks.h"
#include "state_checks.h"
#include "support/tracer.h"
#include "wrap.h"

/* Of a scenario's pairs of calls, about so many are made to fail together, evenly spread. */
#define PAIRS 120

static const char *const sequel_names[SEQUELS] = {"again", "unload", "load", "free"};

/* The calls of the run in which nothing failed, or of the one with the first fault of a pair. */
static struct fault_call recorded[FAULT_MAX_CALLS];
static size_t recorded_count;

static const char *name_of(const struct fault_kind *kind, size_t ordinal)
{
    static char names[2][64];
    static unsigned turn;
    char *name = names[turn++ % 2];

    snprintf(name, sizeof(names[0]), "%s%s%s #%zu", kind->name, kind->detail ? " " : "",
             kind->detail ? kind->detail : "", ordinal);
    return name;
}

static void describe(const struct run *run)
{
    static const char *const reaches[] = {"", ", as all later ones of its kind",
                                          ", as all later calls"};
    const struct fault_plan *plan = &run->plan;

    if (!plan->kind) {
        snprintf(fixture_run, sizeof(fixture_run), "%s: without a fault", run->scenario->name);
        return;
    }
    snprintf(fixture_run, sizeof(fixture_run), "%s: %s gives %s%s%s%s; then %s",
             run->scenario->name, name_of(plan->kind, plan->ordinal), fault_error_name(plan->error),
             reaches[plan->reach], plan->also_kind ? ", and fails " : "",
             plan->also_kind ? name_of(plan->also_kind, plan->also_ordinal) : "",
             sequel_names[run->sequel]);
}

/* ----------------------------------------------------------------------------- the state -- */

static void expect_unloaded(struct fixture *fixture)
{
    expect_disabled(fixture, 0, fixture->count);
    expect_unmapped();
    if (rst_provider_loaded(fixture->provider))
        complain("the provider counts as loaded");
}

static void must(const char *what, int result)
{
    if (result < 0)
        complain("%s, without a fault: %s", what, rst_error());
}

static void unload(struct fixture *fixture)
{
    must("unload", rst_provider_unload(fixture->provider));
    expect_unloaded(fixture);
}

static void load(struct fixture *fixture)
{
    must("load", rst_provider_load(fixture->provider));
    expect_shown(fixture, 0, fixture->count);
    if (!rst_provider_loaded(fixture->provider))
        complain("the provider does not count as loaded");
}

/* Nothing fails any more: all must work. */
static void go_on(const struct run *run, struct fixture *fixture)
{
    if (run->sequel == THEN_FREE)
        return;
    if (run->sequel == THEN_AGAIN && !fixture->forked)
        must("again", run->scenario->act(fixture));
    if (!fixture->provider)
        fixture->provider = rst_provider_new(FIXTURE_PROVIDER);
    if (run->sequel == THEN_UNLOAD)
        unload(fixture);
    must("add", fixture_add(fixture, fixture->count ? fixture->count : 2));
    load(fixture);
    if (run->traced)
        expect_traced(fixture->probes[fixture->count - 1]);
    unload(fixture);
    load(fixture);
}

/* ------------------------------------------------------------------------------- a run -- */

/* Have the probes watched that are loaded. Gives the tracer. */
static int watch(const struct run *run, struct fixture *fixture)
{
    if (run->traced && fixture->old > 0 && rst_probe_path(fixture->probes[0]) &&
        fixture->decoy < 0 && access(rst_probe_path(fixture->probes[0]), R_OK) == 0) {
        int tracer = tracer_attach_probe(fixture->probes[0], FIXTURE_PROVIDER, 0);

        fire_all(fixture); /* the kernel may change the site as it is first hit */
        return tracer;
    }
    poke(fixture, 0, fixture->old, 1);
    return -1;
}

static void unwatch(struct fixture *fixture, int tracer)
{
    if (tracer >= 0)
        close(tracer);
    else
        poke(fixture, 0, fixture->old, 0);
}

static void list_held(const char *what, const void *which)
{
    complain("leaked: %s %p", what, which);
}

static int act(const struct run *run, struct fixture *fixture)
{
    int result;

    faults_arm(&run->plan);
    result = run->scenario->act(fixture);
    faults_disarm();
    faults_clean_up();
    if (!fixture->provider) {
        fixture->count = 0;
        fixture->old = 0;
    }
    return result;
}

static void perform(const struct run *run)
{
    size_t held = faults_held(), libraries = count_libraries();
    struct fixture fixture = fixture_make();
    bool littered, lost_track;
    int result, tracer;

    describe(run);
    run->scenario->prepare(&fixture);
    tracer = watch(run, &fixture);
    result = act(run, &fixture);
    littered = may_litter();
    lost_track = has_struck("fstat64");
    expect_result(run, result);
    if (result < 0)
        expect_failure(run, &fixture);
    else
        fire_all(&fixture);
    if (run->scenario->ends_unloaded && fixture.provider)
        expect_disabled(&fixture, 0, fixture.count);
    unwatch(&fixture, tracer);
    if (result == 0 && run->scenario->ends_unloaded)
        expect_unloaded(&fixture);
    go_on(run, &fixture);
    fixture_free(&fixture);

    expect_unmapped();
    if (lost_track) /* of which descriptor is whose: it is rather left open than another's closed */
        faults_forget_descriptors();
    if (!fixture.forked)
        expect_no_files(fixture.littered || (littered && (result == 0 || !is_single_fault(run) ||
                                                          run->scenario->ends_unloaded)));
    if (faults_held() != held && !fixture.forked)
        expect_next_load(); /* which looks for what had to stay, and forgets it */
    if (faults_held() != held + fixture.left)
        faults_list_held(list_held);
    if (count_libraries() != libraries)
        complain("leaked: %zu libraries, and there were %zu", count_libraries(), libraries);
}

static void perform_apart(const struct run *run)
{
    pid_t child;
    int status;

    fflush(NULL);
    describe(run);
    child = fork();
    if (child == 0) {
        perform(run);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        abort();
    if (status != 0)
        complain("the process ended with status %#x", (unsigned)status);
    if (run->scenario->exits)
        expect_no_files(may_litter());
}

static void perform_once(const struct run *run)
{
    if (run->scenario->fresh)
        perform_apart(run);
    else
        perform(run);
}

static void keep_record(void)
{
    recorded_count = fault_record->count;
    memcpy(recorded, fault_record->calls, recorded_count * sizeof(recorded[0]));
}

/* Run it without a fault, keeping its calls. The first time in a process takes more of them. */
static void record(const struct scenario *scenario, bool traced)
{
    struct run run = {.scenario = scenario, .traced = traced};

    recorded_count = 0;
    perform_once(&run);
    keep_record();
}

/* ----------------------------------------------------------------------------- all runs -- */

static struct run run_of(const struct scenario *scenario, const struct fault_call *call, int error)
{
    return (struct run){
        .scenario = scenario,
        .plan = {.kind = call->kind, .ordinal = call->ordinal, .error = error},
    };
}

size_t run_alone(const struct scenario *scenario)
{
    size_t runs = 0;

    record(scenario, false);
    for (size_t at = 0; at < recorded_count; at++)
        for (size_t i = 0; i < 2 * FAULT_ERRORS; i++) {
            const struct fault_kind *kind = recorded[at].kind;
            int error = i < FAULT_ERRORS ? kind->errors[i] : kind->harmless[i - FAULT_ERRORS];
            struct run run = run_of(scenario, &recorded[at], error);

            /* Every sequel for the first error, and one for each other. */
            for (size_t turn = 0; error && turn < (i == 0 ? SEQUELS : 1); turn++, runs++) {
                run.sequel = (at + i + turn) % SEQUELS;
                perform_once(&run);
            }
        }
    return runs;
}

/*
 * To let go of a uprobe takes the kernel long. So of the calls that a tracer's view doesn't hang on
 * there is but one in each scenario.
 */
size_t run_traced(const struct scenario *scenario)
{
    bool other = false;
    size_t runs = 0;

    record(scenario, true);
    for (size_t at = 0; at < recorded_count; at++) {
        struct run run = run_of(scenario, &recorded[at], recorded[at].kind->errors[0]);
        bool swaps = is_word_of("mmap64 mprotect mremap dlopen", recorded[at].kind->name);

        if (!run.plan.error || recorded[at].kind->consequence != FATAL || (!swaps && other))
            continue;
        other = other || !swaps;
        run.sequel = at % THEN_FREE; /* which would leave nothing to trace */
        run.traced = true;
        perform_once(&run);
        runs++;
    }
    return runs;
}

static bool is_recorded(const struct fault_kind *kind)
{
    for (size_t at = 0; at < recorded_count; at++)
        if (recorded[at].kind == kind)
            return true;
    return false;
}

/*
 * The second fault of a pair is one of the calls that follow the first fault: some of those that
 * are made anyway, and each that is made only then.
 */
static size_t run_pairs(struct run run)
{
    size_t first, count, runs = 0, stride = 1 + recorded_count * recorded_count / 2 / PAIRS;
    struct fault_call *calls;

    run.sequel = THEN_LOAD;
    perform_once(&run);
    first = fault_record->struck_first;
    count = fault_record->count;
    calls = malloc((count + 1) * sizeof(*calls));
    if (!calls)
        abort();
    memcpy(calls, fault_record->calls, count * sizeof(*calls));
    for (size_t also = first; also < count; also++) {
        if (!calls[also].kind->errors[0] ||
            ((first * 7 + also) % stride != 0 && is_recorded(calls[also].kind)))
            continue;
        run.plan.also_kind = calls[also].kind;
        run.plan.also_ordinal = calls[also].ordinal;
        run.sequel = (first + also) % SEQUELS;
        perform_once(&run);
        runs++;
    }
    free(calls);
    return runs;
}

size_t run_combined(const struct scenario *scenario)
{
    size_t runs = 0;

    record(scenario, false);
    for (size_t at = 0; at < recorded_count; at++) {
        const struct fault_kind *kind = recorded[at].kind;
        struct run run = run_of(scenario, &recorded[at], kind->errors[0]);

        if (!kind->errors[0])
            continue;
        run.sequel = at % SEQUELS;
        run.plan.reach = WITH_LATER_OF_ITS_KIND;
        perform_once(&run);
        run.plan.reach = WITH_ALL_LATER;
        perform_once(&run);
        run.plan.reach = ALONE;
        runs += 2;
        if (scenario->fresh)
            continue;
        runs += run_pairs(run);
        run.plan.error = kind->harmless[0];
        if (run.plan.error)
            runs += run_pairs(run);
    }
    return runs;
}
