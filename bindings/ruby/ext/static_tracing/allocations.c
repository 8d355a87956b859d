/* SPDX-License-Identifier: MIT */
/*
 * StaticTracing::Tracer::AllocationMeter: the watched half of an Allocations wrapper. What it makes
 * itself, one object, it makes before it begins to count.
 */
#include "native.h"

struct allocation_meter {
    VALUE tracepoint; /* takes what finish() fires */
    VALUE name;
};

/* What the collector had counted when the call began. */
struct counts {
    int64_t time;
    int64_t objects;
    int64_t bytes;
    int64_t major;
    int64_t collecting; /* nanoseconds */
};

static VALUE sym_objects, sym_bytes, sym_major;
static VALUE gc;
static ID id_total_time;

static void mark(void *data)
{
    const struct allocation_meter *meter = data;

    rb_gc_mark(meter->tracepoint);
    rb_gc_mark(meter->name);
}

static size_t size(const void *data)
{
    (void)data;
    return sizeof(struct allocation_meter);
}

/* Frozen, as `new` leaves it, it can be shared by Ractors, as both that it holds can be. */
static const rb_data_type_t meter_type = {
    .wrap_struct_name = "StaticTracing::Tracer::AllocationMeter",
    .function = {.dmark = mark, .dfree = RUBY_DEFAULT_FREE, .dsize = size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY
#ifdef HAVE_RB_EXT_RACTOR_SAFE
             | RUBY_TYPED_FROZEN_SHAREABLE
#endif
};

static const rb_data_type_t counts_type = {
    .wrap_struct_name = "StaticTracing::Tracer::AllocationMeter::Counts",
    .function = {.dfree = RUBY_DEFAULT_FREE},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED};

static VALUE allocate(VALUE class)
{
    struct allocation_meter *meter;
    VALUE self = TypedData_Make_Struct(class, struct allocation_meter, &meter_type, meter);

    meter->tracepoint = meter->name = Qnil;
    return self;
}

/* new(tracepoint, name) */
static VALUE initialize(VALUE self, VALUE tracepoint, VALUE name)
{
    struct allocation_meter *meter = RTYPEDDATA_DATA(self);

    rb_check_frozen(self);
    tracepoint_watched(tracepoint); /* raises if it isn't one */
    Check_Type(name, T_STRING);
    meter->tracepoint = tracepoint;
    meter->name = rb_str_new_frozen(name);
    return rb_obj_freeze(self);
}

/*
 * Of malloc, Ruby has only this counter that isn't reset by every collection: a major one resets
 * it. Before Ruby 3.1, nobody counts the time that collecting takes.
 */
static void count(struct counts *counts)
{
    counts->bytes = (int64_t)rb_gc_stat(sym_bytes);
    counts->major = (int64_t)rb_gc_stat(sym_major);
    counts->collecting =
        rb_respond_to(gc, id_total_time) ? NUM2LL(rb_funcall(gc, id_total_time, 0)) : 0;
    counts->objects = (int64_t)rb_gc_stat(sym_objects);
    counts->time = monotonic_time();
}

/* start: what was counted; nil if it is a tracer that calls. */
static VALUE start(VALUE self)
{
    struct counts *counts;
    VALUE started;

    (void)self;
    if (in_a_tracer())
        return Qnil;
    started = TypedData_Make_Struct(0, struct counts, &counts_type, counts);
    count(counts);
    return started;
}

/* finish(start) */
static VALUE finish(VALUE self, VALUE started)
{
    const struct allocation_meter *meter = RTYPEDDATA_DATA(self);
    const struct counts *before = rb_check_typeddata(started, &counts_type);
    struct counts now;
    VALUE values[5];

    now.time = monotonic_time();
    now.objects = (int64_t)rb_gc_stat(sym_objects);
    values[2] = LL2NUM(now.objects - before->objects);
    values[1] = LL2NUM(now.time - before->time);
    count(&now);
    values[0] = meter->name;
    values[3] = LL2NUM(now.major == before->major ? now.bytes - before->bytes : now.bytes);
    values[4] = LL2NUM(now.collecting - before->collecting);
    tracepoint_fire_values(meter->tracepoint, 5, values, false);
    RB_GC_GUARD(started);
    return Qnil;
}

/* former?: unlike a method that is no longer wrapped, it doesn't stand in for the method. */
static VALUE is_former(VALUE self)
{
    (void)self;
    return Qfalse;
}

void Init_allocations(VALUE static_tracing)
{
    VALUE tracer = rb_define_module_under(static_tracing, "Tracer");
    VALUE meter = rb_define_class_under(tracer, "AllocationMeter", rb_cObject);

    sym_objects = ID2SYM(rb_intern("total_allocated_objects"));
    sym_bytes = ID2SYM(rb_intern("oldmalloc_increase_bytes"));
    sym_major = ID2SYM(rb_intern("major_gc_count"));
    id_total_time = rb_intern("total_time");
    gc = rb_path2class("GC");
    rb_define_alloc_func(meter, allocate);
    rb_define_method(meter, "initialize", initialize, 2);
    rb_define_method(meter, "former?", is_former, 0);
    rb_define_method(meter, "start", start, 0);
    rb_define_method(meter, "finish", finish, 1);
}
