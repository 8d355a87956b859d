/* SPDX-License-Identifier: MIT */
/*
 * Whose exception is it? A block's own mistake is logged; what another thread raises in this one
 * meanwhile, as a timeout does, is the program's and must reach it.
 *
 * Ruby doesn't say, and to hold such exceptions back (Thread.handle_interrupt) makes objects on
 * every fire. So from the first watched block on, this stands before Thread#raise, through which
 * all of them come, and notes for each thread what was raised in it last, and when.
 */
#include "native.h"

/* How often Thread#raise was called on another thread. Also of other Ractors. */
static unsigned long raises;

static bool observed;
static VALUE observer;
static ID id_raised;

static VALUE observe_raise(int argc, VALUE *argv, VALUE thread)
{
    if (thread != rb_thread_current()) {
        unsigned long now = __atomic_add_fetch(&raises, 1, __ATOMIC_RELAXED);

        if (!OBJ_FROZEN(thread))
            rb_ivar_set(thread, id_raised, rb_assoc_new(ULONG2NUM(now), argc > 0 ? argv[0] : Qnil));
    }
    return rb_call_super_kw(argc, argv, rb_keyword_given_p() ? RB_PASS_KEYWORDS : RB_NO_KEYWORDS);
}

unsigned long raises_so_far(void)
{
    if (!observed) {
        rb_prepend_module(rb_cThread, observer);
        observed = true;
    }
    return __atomic_load_n(&raises, __ATOMIC_RELAXED);
}

VALUE raised_since(unsigned long before)
{
    VALUE thread = rb_thread_current();
    VALUE raised;

    if (__atomic_load_n(&raises, __ATOMIC_RELAXED) == before)
        return Qundef;
    if (OBJ_FROZEN(thread)) /* it keeps nothing, and so whatever is raised in it may be another's */
        return Qtrue;
    raised = rb_attr_get(thread, id_raised);
    if (NIL_P(raised) || NUM2ULONG(rb_ary_entry(raised, 0)) <= before)
        return Qundef;
    return rb_ary_entry(raised, 1);
}

void Init_raising(VALUE native)
{
    id_raised = rb_intern("__static_tracing_raised"); /* without @, Ruby can't see it */
    observer = rb_define_module_under(native, "RaiseObserver");
    rb_gc_register_mark_object(observer);
    rb_define_method(observer, "raise", observe_raise, -1);
}
