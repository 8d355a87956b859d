/* SPDX-License-Identifier: MIT */
/*
 * StaticTracing::Tracer::Stopwatch: the watched half of a Latency wrapper. It takes the time and
 * fires without making an object, and without calling a method that may itself be traced.
 */
#include "native.h"

#include <time.h>

struct stopwatch {
    VALUE tracepoint; /* takes a String and an Integer */
    VALUE name;
};

static ID id_busy;

static void mark(void *data)
{
    const struct stopwatch *stopwatch = data;

    rb_gc_mark(stopwatch->tracepoint);
    rb_gc_mark(stopwatch->name);
}

static size_t size(const void *data)
{
    (void)data;
    return sizeof(struct stopwatch);
}

/* Frozen, as `new` leaves it, it can be shared by Ractors, as both that it holds can be. */
static const rb_data_type_t stopwatch_type = {
    .wrap_struct_name = "StaticTracing::Tracer::Stopwatch",
    .function = {.dmark = mark, .dfree = RUBY_DEFAULT_FREE, .dsize = size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY
#ifdef HAVE_RB_EXT_RACTOR_SAFE
             | RUBY_TYPED_FROZEN_SHAREABLE
#endif
};

static VALUE allocate(VALUE class)
{
    struct stopwatch *stopwatch;
    VALUE self = TypedData_Make_Struct(class, struct stopwatch, &stopwatch_type, stopwatch);

    stopwatch->tracepoint = stopwatch->name = Qnil;
    return self;
}

/* new(tracepoint, name) */
static VALUE initialize(VALUE self, VALUE tracepoint, VALUE name)
{
    struct stopwatch *stopwatch = RTYPEDDATA_DATA(self);

    rb_check_frozen(self);
    tracepoint_watched(tracepoint); /* raises if it isn't one */
    Check_Type(name, T_STRING);
    stopwatch->tracepoint = tracepoint;
    stopwatch->name = rb_str_new_frozen(name);
    return rb_obj_freeze(self);
}

int64_t monotonic_time(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

bool in_a_tracer(void)
{
    return RTEST(rb_thread_local_aref(rb_thread_current(), id_busy));
}

/* start: the time; nil if it is a tracer that calls. */
static VALUE start(VALUE self)
{
    (void)self;
    return in_a_tracer() ? Qnil : LL2NUM(monotonic_time());
}

/* finish(start) */
static VALUE finish(VALUE self, VALUE started)
{
    const struct stopwatch *stopwatch = RTYPEDDATA_DATA(self);
    VALUE values[] = {stopwatch->name, Qnil};

    values[1] = LL2NUM(monotonic_time() - NUM2LL(started));
    tracepoint_fire_values(stopwatch->tracepoint, 2, values, false);
    return Qnil;
}

/* former?: unlike a method that is no longer wrapped, it doesn't stand in for the method. */
static VALUE is_former(VALUE self)
{
    (void)self;
    return Qfalse;
}

void Init_stopwatch(VALUE static_tracing)
{
    VALUE tracer = rb_define_module_under(static_tracing, "Tracer");
    VALUE stopwatch = rb_define_class_under(tracer, "Stopwatch", rb_cObject);

    id_busy = rb_intern("static_tracing_in_a_tracer");
    rb_define_alloc_func(stopwatch, allocate);
    rb_define_method(stopwatch, "initialize", initialize, 2);
    rb_define_method(stopwatch, "former?", is_former, 0);
    rb_define_method(stopwatch, "start", start, 0);
    rb_define_method(stopwatch, "finish", finish, 1);
}
