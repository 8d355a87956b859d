/* SPDX-License-Identifier: MIT */
/*
 * What StaticTracing::Watcher needs of C: reading many semaphores in one call, and being told of a
 * fork by every Ruby and by Process.daemon, too.
 */
#include "native.h"

#include <ruby/debug.h>

#include <pthread.h>

static bool any_watched(VALUE tracepoints)
{
    for (long i = 0; i < RARRAY_LEN(tracepoints); i++)
        if (tracepoint_watched(RARRAY_AREF(tracepoints, i)))
            return true;
    return false;
}

/*
 * changed(groups, known): which groups of tracepoints became watched or unwatched. `known` has a
 * byte for each group: 1 if it was watched when we looked last.
 *
 * Nothing is allocated unless something has changed. No Ruby runs in here, so neither of the two
 * can become shorter meanwhile.
 */
static VALUE changed(VALUE module, VALUE groups, VALUE known)
{
    VALUE found = Qnil;

    (void)module;
    Check_Type(groups, T_ARRAY);
    Check_Type(known, T_STRING);
    for (long i = 0; i < RARRAY_LEN(groups) && i < RSTRING_LEN(known); i++) {
        VALUE group = RARRAY_AREF(groups, i);

        Check_Type(group, T_ARRAY);
        if (any_watched(group) == (RSTRING_PTR(known)[i] != 0))
            continue;
        if (NIL_P(found))
            found = rb_ary_new();
        rb_ary_push(found, LONG2FIX(i));
    }
    return found;
}

/* ---------------------------------------------------------------------- forks -- */

static VALUE after_fork = Qnil;

static VALUE call_after_fork(VALUE block)
{
    return rb_proc_call_kw(block, rb_ary_new(), RB_NO_KEYWORDS);
}

/* Runs between two of the main thread's instructions, where an error would be the program's. */
static void run_after_fork(void *nothing)
{
    VALUE raised = rb_errinfo();
    int state;

    (void)nothing;
    rb_protect(call_after_fork, after_fork, &state);
    if (state)
        rb_set_errinfo(raised);
}

#ifdef HAVE_RB_POSTPONED_JOB_PREREGISTER

static rb_postponed_job_handle_t job;

static void forked(void)
{
    rb_postponed_job_trigger(job);
}

static void prepare_job(void)
{
    job = rb_postponed_job_preregister(0, run_after_fork, NULL);
}

#else

static void forked(void)
{
    rb_postponed_job_register_one(0, run_after_fork, NULL);
}

static void prepare_job(void)
{
}

#endif

/*
 * on_fork { }: what a forked child runs, as soon as Ruby is able to. The block may take no lock. (A
 * child that is about to become another program never gets that far.)
 */
static VALUE on_fork(VALUE module)
{
    bool first = NIL_P(after_fork);

    (void)module;
    after_fork = rb_block_proc();
    if (!first)
        return Qnil;
    prepare_job();
    if (pthread_atfork(NULL, NULL, forked) != 0)
        rb_raise(rb_eNoMemError, "no memory for a fork handler");
    return Qnil;
}

void Init_watching(VALUE native)
{
    rb_gc_register_address(&after_fork);
    rb_define_singleton_method(native, "changed", changed, 2);
    rb_define_singleton_method(native, "on_fork", on_fork, 0);
}
