/* SPDX-License-Identifier: MIT */
/*
 * mruby 3.1 with probes. Unless it was built with MRB_USE_DEBUG_HOOK, which Debian's was not, its
 * loop has no hook. So the script's methods are wrapped, only while somebody watches calls.
 * Allocations come by the allocator that mruby is given, and collections by an object that nothing
 * refers to.
 */
#include "host.h"

#include <mruby.h>
#include <mruby/class.h>
#include <mruby/compile.h>
#include <mruby/data.h>
#include <mruby/error.h>
#include <mruby/proc.h>
#include <mruby/string.h>
#include <mruby/variable.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mrb_state *ruby;
static bool closing;

/* ---------------------------------------------------------------------------- calls -- */

/*
 * What a method is replaced by. It is in Ruby, not in C, so that keywords reach the method, and
 * fibers can yield in it. The original goes by a hidden name.
 */
static const char wrapper[] =
    "module Host\n"
    "  def self.wrap(klass, name, hidden, index)\n"
    "    klass.class_eval do\n"
    "      define_method(name) do |*arguments, **options, &block|\n"
    "        Host.called(index)\n"
    "        begin\n"
    "          next __send__(hidden, *arguments, &block) if options.empty?\n"
    "          __send__(hidden, *arguments, **options, &block)\n"
    "        ensure\n"
    "          Host.returned(index)\n"
    "        end\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "end\n";

/* A method of the script's. */
struct method {
    struct RClass *klass;
    mrb_sym name, hidden;
    mrb_method_t original;
    char *class_text, *name_text; /* copies, for the next call of mruby's overwrites its own */
};

static struct method *methods;
static size_t method_count;
static struct RClass *host;
static bool wrapped, wrapping;

/* Host.called(index) and Host.returned(index). */
static mrb_value report(mrb_state *mrb, enum host_event event)
{
    mrb_int index;

    mrb_get_args(mrb, "i", &index);
    if ((size_t)index >= method_count) /* a script may call it, too */
        return mrb_nil_value();
    host_counts[event]++;
    RST_FIRE(host_probes[event], methods[index].class_text, methods[index].name_text);
    return mrb_nil_value();
}

static mrb_value called(mrb_state *mrb, mrb_value self)
{
    (void)self;
    return report(mrb, HOST_CALL);
}

static mrb_value returned(mrb_state *mrb, mrb_value self)
{
    (void)self;
    return report(mrb, HOST_RETURN);
}

static void wrap(mrb_state *mrb, size_t index)
{
    const struct method *method = &methods[index];

    wrapping = true;
    mrb_funcall(mrb, mrb_obj_value(host), "wrap", 4, mrb_obj_value(method->klass),
                mrb_symbol_value(method->name), mrb_symbol_value(method->hidden),
                mrb_fixnum_value((mrb_int)index));
    wrapping = false;
}

static void unwrap(mrb_state *mrb, size_t index)
{
    mrb_define_method_raw(mrb, methods[index].klass, methods[index].name, methods[index].original);
}

/* The method's place in the table; a new one if it has none. */
static struct method *method_at(mrb_state *mrb, struct RClass *klass, mrb_sym name)
{
    struct method *table;

    for (size_t i = 0; i < method_count; i++)
        if (methods[i].klass == klass && methods[i].name == name)
            return &methods[i];
    table = realloc(methods, (method_count + 1) * sizeof(*methods));
    if (!table)
        return NULL;
    methods = table;
    mrb_gc_register(mrb, mrb_obj_value(klass)); /* it may have no name, and nothing refer to it */
    methods[method_count] = (struct method){
        .klass = klass,
        .name = name,
        .class_text = strdup(mrb_class_name(mrb, klass)),
        .name_text = strdup(mrb_sym_name(mrb, name)),
    };
    return &methods[method_count++];
}

/* mruby calls it for each method that a script defines. */
static mrb_value method_added(mrb_state *mrb, mrb_value self)
{
    struct RClass *klass = mrb_class_ptr(self), *owner = klass;
    struct method *method;
    mrb_sym name;

    mrb_get_args(mrb, "n", &name);
    method = wrapping ? NULL : method_at(mrb, klass, name);
    if (!method)
        return mrb_nil_value();
    method->original = mrb_method_search_vm(mrb, &owner, name);
    method->hidden = mrb_intern_str(mrb, mrb_format(mrb, "__host_%n", name));
    mrb_alias_method(mrb, klass, method->hidden, name);
    if (wrapped)
        wrap(mrb, (size_t)(method - methods));
    return mrb_nil_value();
}

/* ---------------------------------------------------------------------- allocations -- */

/* mruby asks for pages of objects, and for what does not fit into an object: of most strings and
 * arrays, the contents. */
static void *allocate(mrb_state *mrb, void *old, size_t size, void *data)
{
    void *block;

    (void)mrb;
    (void)data;
    if (size == 0) {
        free(old);
        return NULL;
    }
    block = realloc(old, size);
    if (!block)
        return NULL;
    host_counts[HOST_ALLOCATE]++;
    host_bytes += size;
    RST_FIRE(host_probes[HOST_ALLOCATE], size);
    return block;
}

/* ---------------------------------------------------------------------- collections -- */

static bool sentinel_lives;

/* The collector has found the sentinel. Nothing may be allocated in the middle of a collection, so
 * the next sentinel has to wait. */
static void sentinel_found(mrb_state *mrb, void *data)
{
    (void)data;
    if (closing)
        return;
    sentinel_lives = false;
    host_counts[HOST_COLLECT]++;
    RST_FIRE(host_probes[HOST_COLLECT], host_counts[HOST_COLLECT], mrb->gc.live);
}

static void make_sentinel(mrb_state *mrb)
{
    static const mrb_data_type type = {"Sentinel", sentinel_found};
    int arena = mrb_gc_arena_save(mrb);

    mrb_data_object_alloc(mrb, mrb->object_class, NULL, &type);
    mrb_gc_arena_restore(mrb, arena); /* nothing refers to it */
    sentinel_lives = true;
}

/* ---------------------------------------------------------------------- the language -- */

/* Protected, for each call may run out of memory. */
static mrb_value change(mrb_state *mrb, void *data)
{
    bool watched = RST_ENABLED(host_probes[HOST_CALL]) || RST_ENABLED(host_probes[HOST_RETURN]);

    (void)data;
    if (!sentinel_lives)
        make_sentinel(mrb);
    if (watched == wrapped)
        return mrb_nil_value();
    wrapped = watched;
    for (size_t i = 0; i < method_count; i++)
        (wrapped ? wrap : unwrap)(mrb, i);
    return mrb_nil_value();
}

static void look(void)
{
    int arena = mrb_gc_arena_save(ruby);
    mrb_bool failed = FALSE;

    mrb_protect_error(ruby, change, NULL, &failed);
    mrb_gc_arena_restore(ruby, arena);
}

/* Take the exception that is on its way, if there is one, and give its words. */
static const char *taken_exception(void)
{
    mrb_value exception;

    if (!ruby->exc)
        return NULL;
    exception = mrb_obj_value(ruby->exc);
    ruby->exc = NULL;
    exception = mrb_funcall(ruby, exception, "inspect", 0);
    return ruby->exc ? "an exception without words" : mrb_string_cstr(ruby, exception);
}

static bool open_mruby(const char *script)
{
    FILE *file = fopen(script, "r");
    mrbc_context *context;
    const char *failure;

    if (!file) {
        perror(script);
        return false;
    }
    ruby = mrb_open_allocf(allocate, NULL);
    if (!ruby) {
        fprintf(stderr, "mruby: no memory\n");
        fclose(file);
        return false;
    }
    mrb_load_string(ruby, wrapper);
    host = mrb_module_get(ruby, "Host");
    mrb_define_module_function(ruby, host, "called", called, MRB_ARGS_REQ(1));
    mrb_define_module_function(ruby, host, "returned", returned, MRB_ARGS_REQ(1));
    mrb_define_method(ruby, ruby->module_class, "method_added", method_added, MRB_ARGS_REQ(1));
    context = mrbc_context_new(ruby);
    mrbc_filename(ruby, context, script);
    mrb_load_file_cxt(ruby, file, context);
    mrbc_context_free(ruby, context);
    fclose(file);
    failure = taken_exception();
    if (failure)
        fprintf(stderr, "mruby: %s\n", failure);
    return !failure;
}

static const char *answer(const char *line)
{
    static int arena = -1;
    const char *failure;
    mrb_value text;

    if (arena >= 0)
        mrb_gc_arena_restore(ruby, arena);
    arena = mrb_gc_arena_save(ruby);
    text = mrb_funcall(ruby, mrb_top_self(ruby), "on_line", 1, mrb_str_new_cstr(ruby, line));
    if (!ruby->exc)
        text = mrb_obj_as_string(ruby, text);
    failure = taken_exception();
    return failure ? failure : mrb_string_cstr(ruby, text);
}

static void close_mruby(void)
{
    closing = true;
    if (ruby)
        mrb_close(ruby);
    for (size_t i = 0; i < method_count; i++) {
        free(methods[i].class_text);
        free(methods[i].name_text);
    }
    free(methods);
}

const struct host_language host_language = {
    .name = "mruby",
    .signatures =
        {
            [HOST_CALL] = "string class, string method",
            [HOST_RETURN] = "string class, string method",
            [HOST_ALLOCATE] = "uint64 bytes",
            [HOST_COLLECT] = "uint64 cycle, uint64 live_objects",
        },
    .open = open_mruby,
    .look = look,
    .answer = answer,
    .close = close_mruby,
};
