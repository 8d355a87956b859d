/* SPDX-License-Identifier: MIT */
/*
 * The part of StaticTracing::Tracepoint that runs whether or not somebody watches.
 *
 * The gem calls librst by FFI; but an FFI call takes several times as long as a method (see
 * docs/benchmarks.md), too much for a probe that nobody watches. So a tracepoint is a C object that
 * holds its librst handle, reads the semaphore itself (its place in struct rst_probe is part of
 * librst's frozen ABI), and turns Ruby's values into the probe's arguments. This file isn't linked
 * with librst: the FFI part, which has loaded one, passes the address of its rst_probe_function().
 */
#include "native.h"

#include <rst.h>

#include <limits.h>

#include "values.h"

typedef rst_function (*function_of_probe)(const rst_probe *probe);

/* A probe's function doesn't look at arguments that the probe hasn't. */
#define FEW 6
typedef void few_arguments(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
typedef void all_arguments(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                           uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

/* Whether a tracepoint's blocks are verified before they run: see StaticTracing::Verifier. */
enum verify {
    VERIFY_BY_DEFAULT,
    VERIFY_NEVER,
    VERIFY_ALWAYS,
};

struct tracepoint {
    const rst_probe *probe; /* what is fired; while fires are recorded, `recorder` */
    const rst_probe *bound; /* NULL before it is bound, and after its provider was destroyed */
    enum verify verify;
    int count;
    const struct kind *args[RST_MAX_ARGS];
};

/* librst's rst_probe_function(). Until it is set, no tracepoint is bound to a probe. */
static function_of_probe find_function;

/*
 * Whether wrong values raise or are logged; and whether a block's mistakes, which show only while
 * somebody watches, do: see StaticTracing::Configuration#on_error.
 */
static bool values_raise = true;
static bool blocks_raise = false;

/* What tracepoints do that say nothing of it themselves. */
static bool verify_blocks = false;

/*
 * While StaticTracing::Testing records, this stands in for every tracepoint's probe: it is always
 * watched, so that nothing has to be looked at besides, and it is never fired.
 */
static const volatile uint32_t always_watched = 1;
static const rst_probe recorder = {&always_watched};
static bool recording = false;

static ID id_wrong;
static ID id_report_wrong;
static ID id_report;
static ID id_foreign_p;
static ID id_admit;
static ID id_record;

/* ---------------------------------------------------------------------- the object -- */

static size_t tracepoint_size(const void *tracepoint)
{
    (void)tracepoint;
    return sizeof(struct tracepoint);
}

/*
 * It holds no Ruby object, and so has nothing to mark or to move. Frozen, as `new` leaves it, it
 * can be shared by Ractors: all that changes in it is one pointer, whose reads and writes are
 * whole.
 */
static const rb_data_type_t tracepoint_type = {
    .wrap_struct_name = "StaticTracing::Tracepoint",
    .function = {.dfree = RUBY_DEFAULT_FREE, .dsize = tracepoint_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED
#ifdef HAVE_RB_EXT_RACTOR_SAFE
             | RUBY_TYPED_FROZEN_SHAREABLE
#endif
};

static VALUE tracepoint_allocate(VALUE class)
{
    struct tracepoint *tracepoint;

    return TypedData_Make_Struct(class, struct tracepoint, &tracepoint_type, tracepoint);
}

/* Ruby calls the methods only on objects that tracepoint_allocate() made. */
static struct tracepoint *get_tracepoint(VALUE self)
{
    return RTYPEDDATA_DATA(self);
}

static const rst_probe *get_probe(const struct tracepoint *tracepoint)
{
    return __atomic_load_n(&tracepoint->probe, __ATOMIC_RELAXED);
}

/*
 * declare(kinds, verify): what the arguments are, by the names in `kinds`, and whether blocks are
 * verified: nil is what the configuration says. Before the object is frozen.
 */
static VALUE tracepoint_declare(VALUE self, VALUE names, VALUE verify)
{
    struct tracepoint *tracepoint = get_tracepoint(self);
    long count = RARRAY_LEN(names);

    rb_check_frozen(self);
    if (count > RST_MAX_ARGS)
        rb_raise(rb_eArgError, "%ld arguments; at most %d are allowed", count, RST_MAX_ARGS);
    for (long i = 0; i < count; i++)
        tracepoint->args[i] = find_kind(rb_ary_entry(names, i));
    tracepoint->count = (int)count;
    if (!NIL_P(verify))
        tracepoint->verify = RTEST(verify) ? VERIFY_ALWAYS : VERIFY_NEVER;
    return Qnil;
}

static void set_probe(struct tracepoint *tracepoint)
{
    __atomic_store_n(&tracepoint->probe, recording ? &recorder : tracepoint->bound,
                     __ATOMIC_RELAXED);
}

/* bind(address): which probe this is; 0 for none, ever again. */
static VALUE tracepoint_bind(VALUE self, VALUE address)
{
    const rst_probe *probe = (const rst_probe *)(uintptr_t)NUM2ULL(address);
    struct tracepoint *tracepoint = get_tracepoint(self);

    tracepoint->bound = find_function ? probe : NULL;
    if (probe)
        set_probe(tracepoint);
    else
        __atomic_store_n(&tracepoint->probe, NULL, __ATOMIC_RELAXED);
    return Qnil;
}

/* rebind(): what is recorded changes. */
static VALUE tracepoint_rebind(VALUE self)
{
    set_probe(get_tracepoint(self));
    return Qnil;
}

/* ---------------------------------------------------------------------- the fire -- */

/* What is wrong with the values, if it isn't one of them: their number. */
#define COUNT (-2)

/* Raise or log what is wrong with the values. */
__attribute__((cold, noinline)) static VALUE refuse(VALUE self, int argc, const VALUE *argv,
                                                    int wrong, bool raise)
{
    VALUE index = wrong == COUNT ? Qnil : INT2FIX(wrong);
    VALUE value = wrong == COUNT ? INT2FIX(argc) : argv[wrong];

    if (raise)
        rb_exc_raise(rb_funcall(self, id_wrong, 2, index, value));
    rb_funcall(self, id_report_wrong, 2, index, value);
    return Qfalse;
}

static int find_wrong(const struct tracepoint *tracepoint, int argc, const VALUE *argv)
{
    if (argc != tracepoint->count)
        return COUNT;
    for (int i = 0; i < argc; i++)
        if (!value_fits(tracepoint->args[i], argv[i]))
            return i;
    return NO_VALUE;
}

/* Nobody watches: only mistakes are found. */
static VALUE check_values(VALUE self, int argc, const VALUE *argv)
{
    int wrong = find_wrong(get_tracepoint(self), argc, argv);

    return wrong == NO_VALUE ? Qfalse : refuse(self, argc, argv, wrong, values_raise);
}

/*
 * As rst_probe_fire() does, but for what values.c knows better: it has made the Strings resident,
 * for which librst would have to ask the kernel now and then.
 */
static void fire_probe(const rst_probe *probe, int argc, const uint64_t *a)
{
    rst_function function = find_function(probe);

    if (argc <= FEW)
        ((few_arguments *)function)(a[0], a[1], a[2], a[3], a[4], a[5]);
    else
        ((all_arguments *)function)(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9],
                                    a[10], a[11]);
    __asm__ volatile(""); /* not a jump, which would leave the frame before the site */
}

/* Values that don't fit are refused later. */
__attribute__((cold, noinline)) static void record(VALUE self, int argc, const VALUE *argv)
{
    if (find_wrong(get_tracepoint(self), argc, argv) == NO_VALUE)
        rb_funcall(self, id_record, 1, rb_ary_new_from_values(argc, argv));
}

/*
 * The probe is read again, because its tracer or its provider may have gone while a block ran. What
 * is recorded goes on to a tracer, if there is one. It is recorded first, because no Ruby may run
 * once the Strings' addresses are taken.
 */
VALUE tracepoint_fire_values(VALUE self, int argc, const VALUE *argv, bool raise)
{
    const struct tracepoint *tracepoint = get_tracepoint(self);
    const rst_probe *probe;
    bool recorded = get_probe(tracepoint) == &recorder;
    volatile VALUE fired[RST_MAX_ARGS];
    uint64_t bits[RST_MAX_ARGS] = {0};
    int wrong;

    if (recorded)
        record(self, argc, argv);
    wrong =
        argc == tracepoint->count ? take_values(tracepoint->args, argc, argv, fired, bits) : COUNT;
    if (wrong != NO_VALUE)
        return refuse(self, argc, argv, wrong, raise);
    probe = recorded ? tracepoint->bound : get_probe(tracepoint);
    if (!RST_ENABLED(probe))
        return recorded ? Qtrue : Qfalse;
    fire_probe(probe, argc, bits);
    for (int i = 0; i < argc; i++)
        RB_GC_GUARD(fired[i]);
    return Qtrue;
}

/* What run_block() returns for a block that failed. No block can return it. */
#define FAILED Qundef

/* A block that is run so that its mistakes are logged. */
struct attempt {
    VALUE self;
    unsigned long raises; /* when it began */
};

static VALUE log_failure(VALUE data, VALUE error)
{
    const struct attempt *attempt = (const struct attempt *)data;
    VALUE raised = raised_since(attempt->raises);

    if (raised != Qundef && RTEST(rb_funcall(attempt->self, id_foreign_p, 2, error, raised)))
        rb_exc_raise(error);
    rb_funcall(attempt->self, id_report, 1, error);
    return FAILED;
}

/*
 * A block may leave by a jump of Ruby's, which AddressSanitizer doesn't see: it would go on
 * guarding the variables of frames that are gone. So while a block runs, no frame of ours has any
 * that it guards.
 */
__attribute__((no_sanitize_address)) static VALUE run_block(VALUE self)
{
    struct attempt attempt = {.self = self};

    if (blocks_raise)
        return rb_yield(Qundef);
    attempt.raises = raises_so_far();
    return rb_rescue2(rb_yield, Qundef, log_failure, (VALUE)&attempt, rb_eStandardError, (VALUE)0);
}

/* Fire what a block returned: an Array of the values, or the one value of a probe that has one. */
static VALUE fire_returned(VALUE self, VALUE values)
{
    const struct tracepoint *tracepoint = get_tracepoint(self);
    VALUE list[RST_MAX_ARGS];
    const VALUE *argv = &values;
    int argc = 1;

    if (tracepoint->count == 0) {
        argc = 0;
    } else if (RB_TYPE_P(values, T_ARRAY)) {
        const VALUE *returned = RARRAY_CONST_PTR(values);

        argc = RARRAY_LEN(values) > INT_MAX ? INT_MAX : (int)RARRAY_LEN(values);
        for (int i = 0; i < argc && i < RST_MAX_ARGS; i++)
            list[i] = returned[i];
        argv = list;
    }
    return tracepoint_fire_values(self, argc, argv, blocks_raise);
}

static VALUE fire_block(VALUE self)
{
    VALUE values = run_block(self);

    return values == FAILED ? Qfalse : fire_returned(self, values); /* a failure was logged */
}

static bool is_verified(const struct tracepoint *tracepoint)
{
    return tracepoint->verify == VERIFY_BY_DEFAULT ? verify_blocks
                                                   : tracepoint->verify == VERIFY_ALWAYS;
}

/* A block that is refused isn't run; that was logged. */
static VALUE fire_verified(VALUE self)
{
    if (is_verified(get_tracepoint(self)) && !RTEST(rb_funcall(self, id_admit, 1, rb_block_proc())))
        return Qfalse;
    return fire_block(self);
}

static VALUE tracepoint_fire(int argc, VALUE *argv, VALUE self)
{
    bool enabled = RST_ENABLED(get_probe(get_tracepoint(self)));

    if (argc == 0 && rb_block_given_p())
        return enabled ? fire_verified(self) : Qfalse;
    return enabled ? tracepoint_fire_values(self, argc, argv, values_raise)
                   : check_values(self, argc, argv);
}

/* fire_admitted { }: fire, but don't verify the block, which is the gem's own. */
static VALUE tracepoint_fire_admitted(VALUE self)
{
    return RST_ENABLED(get_probe(get_tracepoint(self))) ? fire_block(self) : Qfalse;
}

static VALUE tracepoint_enabled(VALUE self)
{
    return RST_ENABLED(get_probe(get_tracepoint(self))) ? Qtrue : Qfalse;
}

bool tracepoint_watched(VALUE tracepoint)
{
    return RST_ENABLED(get_probe(rb_check_typeddata(tracepoint, &tracepoint_type)));
}

/* ---------------------------------------------------------------------- the module -- */

static VALUE set_find_function(VALUE module, VALUE address)
{
    (void)module;
    find_function = (function_of_probe)(uintptr_t)NUM2ULL(address);
    return address;
}

/* errors_raise(values, blocks) */
static VALUE set_errors_raise(VALUE module, VALUE values, VALUE blocks)
{
    (void)module;
    values_raise = RTEST(values);
    blocks_raise = RTEST(blocks);
    return Qnil;
}

static VALUE set_verify_blocks(VALUE module, VALUE verify)
{
    (void)module;
    verify_blocks = RTEST(verify);
    return verify;
}

/* recording=: what tracepoints are bound to from now on. Those that are there have to be told. */
static VALUE set_recording(VALUE module, VALUE on)
{
    (void)module;
    recording = RTEST(on);
    return on;
}

RUBY_FUNC_EXPORTED void Init_native(void);

void Init_native(void)
{
    VALUE static_tracing = rb_define_module("StaticTracing");
    VALUE native = rb_define_module_under(static_tracing, "Native");
    VALUE tracepoint = rb_define_class_under(static_tracing, "Tracepoint", rb_cObject);

#ifdef HAVE_RB_EXT_RACTOR_SAFE
    rb_ext_ractor_safe(true);
#endif
    id_wrong = rb_intern("wrong");
    id_report_wrong = rb_intern("report_wrong");
    id_report = rb_intern("report");
    id_foreign_p = rb_intern("foreign?");
    id_admit = rb_intern("admit?");
    id_record = rb_intern("record");

    rb_define_alloc_func(tracepoint, tracepoint_allocate);
    rb_define_method(tracepoint, "fire", tracepoint_fire, -1);
    rb_define_private_method(tracepoint, "fire_admitted", tracepoint_fire_admitted, 0);
    rb_define_method(tracepoint, "enabled?", tracepoint_enabled, 0);
    rb_define_alias(tracepoint, "watched?", "enabled?");
    rb_define_private_method(tracepoint, "declare", tracepoint_declare, 2);
    rb_define_private_method(tracepoint, "bind", tracepoint_bind, 1);
    rb_define_private_method(tracepoint, "rebind", tracepoint_rebind, 0);
    rb_define_singleton_method(native, "find_function=", set_find_function, 1);
    rb_define_singleton_method(native, "errors_raise", set_errors_raise, 2);
    rb_define_singleton_method(native, "verify_blocks=", set_verify_blocks, 1);
    rb_define_singleton_method(native, "recording=", set_recording, 1);
    Init_values();
    Init_raising(native);
    Init_watching(native);
    Init_meters(static_tracing);
    Init_visibility(static_tracing);
}
