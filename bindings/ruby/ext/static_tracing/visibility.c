/* SPDX-License-Identifier: MIT */
/*
 * StaticTracing::Tracer::VisibilityHooks: notices when a class changes its methods' visibility.
 *
 * Ruby has no hook for that. So this stands before Module#private and its like. It is in C because
 * `private` without arguments is about the frame that calls it, by which Ruby means the innermost
 * one in Ruby: one in C doesn't count.
 */
#include "native.h"

static VALUE change_visibility(int argc, VALUE *argv, VALUE self)
{
    VALUE result =
        rb_call_super_kw(argc, argv, rb_keyword_given_p() ? RB_PASS_KEYWORDS : RB_NO_KEYWORDS);

    if (argc > 0) {
        VALUE tracer = rb_path2class("StaticTracing::Tracer::Hooks");

        rb_funcall(tracer, rb_intern("visibility_changed"), 2, self,
                   rb_ary_new_from_values(argc, argv));
    }
    return result;
}

void Init_visibility(VALUE static_tracing)
{
    VALUE tracer = rb_define_module_under(static_tracing, "Tracer");
    VALUE hooks = rb_define_module_under(tracer, "VisibilityHooks");

    rb_define_private_method(hooks, "private", change_visibility, -1);
    rb_define_private_method(hooks, "protected", change_visibility, -1);
    rb_define_private_method(hooks, "public", change_visibility, -1);
}
