/* SPDX-License-Identifier: MIT */
/*
 * StaticTracing::Tracer::Meter: the watched half of a wrapper that measures a call. Stopwatch takes
 * the time, and makes no object; AllocationMeter counts what is allocated, and makes its one object
 * before it begins to count. Neither calls a method that may itself be traced.
 */
#include "native.h"

#include <time.h>

struct meter {
    VALUE tracepoint; /* takes what finish() fires */
    VALUE name;       /* the method's */
};

static ID id_busy;

static void mark(void *data)
{
    const struct meter *meter = data;

    rb_gc_mark(meter->tracepoint);
    rb_gc_mark(meter->name);
}

static size_t size(const void *data)
{
    (void)data;
    return sizeof(struct meter);
}

/* Frozen, as `new` leaves it, it can be shared by Ractors, as both that it holds can be. */
static const rb_data_type_t meter_type = {
    .wrap_struct_name = "StaticTracing::Tracer::Meter",
    .function = {.dmark = mark, .dfree = RUBY_DEFAULT_FREE, .dsize = size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY
#ifdef HAVE_RB_EXT_RACTOR_SAFE
             | RUBY_TYPED_FROZEN_SHAREABLE
#endif
};

static VALUE allocate(VALUE class)
{
    struct meter *meter;
    VALUE self = TypedData_Make_Struct(class, struct meter, &meter_type, meter);

    meter->tracepoint = meter->name = Qnil;
    return self;
}

/* Ruby calls the methods only on objects that allocate() made. */
static const struct meter *get_meter(VALUE self)
{
    const struct meter *meter = RTYPEDDATA_DATA(self);

    if (NIL_P(meter->tracepoint))
        rb_raise(rb_eTypeError, "a meter without a tracepoint");
    return meter;
}

/* new(tracepoint, name) */
static VALUE initialize(VALUE self, VALUE tracepoint, VALUE name)
{
    struct meter *meter = RTYPEDDATA_DATA(self);

    rb_check_frozen(self);
    tracepoint_watched(tracepoint); /* raises if it isn't one */
    Check_Type(name, T_STRING);
    meter->tracepoint = tracepoint;
    meter->name = rb_str_new_frozen(name);
    return rb_obj_freeze(self);
}

/* former?: unlike a method that is no longer wrapped, it doesn't stand in for the method. */
static VALUE is_former(VALUE self)
{
    (void)self;
    return Qfalse;
}

/* Nanoseconds of the clock that tracers use, too. */
static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Whether this fiber runs a tracer, of which nothing is traced. */
static bool in_a_tracer(void)
{
    return RTEST(rb_thread_local_aref(rb_thread_current(), id_busy));
}

/* ---------------------------------------------------------------------- Stopwatch -- */

/* start: the time; nil if it is a tracer that calls. */
static VALUE start_time(VALUE self)
{
    (void)self;
    return in_a_tracer() ? Qnil : LL2NUM(now());
}

/* finish(start) */
static VALUE finish_time(VALUE self, VALUE started)
{
    const struct meter *meter = get_meter(self);
    VALUE values[] = {meter->name, Qnil};

    values[1] = LL2NUM(now() - NUM2LL(started));
    return tracepoint_fire_values(meter->tracepoint, 2, values, false);
}

/* ---------------------------------------------------------------------- AllocationMeter -- */

struct counts {
    int64_t time;
    int64_t objects;
    int64_t bytes;
    int64_t major;
    int64_t collecting; /* nanoseconds */
};

static const rb_data_type_t counts_type = {
    .wrap_struct_name = "StaticTracing::Tracer::AllocationMeter::Counts",
    .function = {.dfree = RUBY_DEFAULT_FREE},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED};

static VALUE sym_objects, sym_bytes, sym_major;
static VALUE gc;
static ID id_total_time;

/*
 * Of malloc, Ruby has only this counter that isn't reset by every collection: a major one resets
 * it. Before Ruby 3.1, nobody counts the time that collecting takes.
 */
static void count_collector(struct counts *counts)
{
    counts->bytes = (int64_t)rb_gc_stat(sym_bytes);
    counts->major = (int64_t)rb_gc_stat(sym_major);
    counts->collecting =
        rb_respond_to(gc, id_total_time) ? NUM2LL(rb_funcall(gc, id_total_time, 0)) : 0;
}

static void count_objects(struct counts *counts)
{
    counts->objects = (int64_t)rb_gc_stat(sym_objects);
    counts->time = now();
}

/* start: what was counted; nil if it is a tracer that calls. */
static VALUE start_counting(VALUE self)
{
    struct counts *counts;
    VALUE started;

    (void)self;
    if (in_a_tracer())
        return Qnil;
    started = TypedData_Make_Struct(0, struct counts, &counts_type, counts);
    count_collector(counts);
    count_objects(counts);
    return started;
}

/* finish(start) */
static VALUE finish_counting(VALUE self, VALUE started)
{
    const struct meter *meter = get_meter(self);
    const struct counts *before = rb_check_typeddata(started, &counts_type);
    struct counts after;
    VALUE values[5];

    count_objects(&after);
    count_collector(&after);
    values[0] = meter->name;
    values[1] = LL2NUM(after.time - before->time);
    values[2] = LL2NUM(after.objects - before->objects);
    values[3] = LL2NUM(after.major == before->major ? after.bytes - before->bytes : after.bytes);
    values[4] = LL2NUM(after.collecting - before->collecting);
    RB_GC_GUARD(started);
    return tracepoint_fire_values(meter->tracepoint, 5, values, false);
}

/* ---------------------------------------------------------------------- the classes -- */

void Init_meters(VALUE static_tracing)
{
    VALUE tracer = rb_define_module_under(static_tracing, "Tracer");
    VALUE meter = rb_define_class_under(tracer, "Meter", rb_cObject);
    VALUE stopwatch = rb_define_class_under(tracer, "Stopwatch", meter);
    VALUE allocation_meter = rb_define_class_under(tracer, "AllocationMeter", meter);

    id_busy = rb_intern("static_tracing_in_a_tracer"); /* Watched::BUSY */
    sym_objects = ID2SYM(rb_intern("total_allocated_objects"));
    sym_bytes = ID2SYM(rb_intern("oldmalloc_increase_bytes"));
    sym_major = ID2SYM(rb_intern("major_gc_count"));
    id_total_time = rb_intern("total_time");
    gc = rb_path2class("GC");

    rb_define_alloc_func(meter, allocate);
    rb_define_method(meter, "initialize", initialize, 2);
    rb_define_method(meter, "former?", is_former, 0);
    rb_define_method(stopwatch, "start", start_time, 0);
    rb_define_method(stopwatch, "finish", finish_time, 1);
    rb_define_method(allocation_meter, "start", start_counting, 0);
    rb_define_method(allocation_meter, "finish", finish_counting, 1);
}
