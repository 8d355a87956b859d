/* SPDX-License-Identifier: MIT */
/* The userdata of the module, and what its parts ask of each other. */
#ifndef RST_LUA_OBJECTS_H
#define RST_LUA_OBJECTS_H

#include <rst.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lua_versions.h"

/* ------------------------------------------------------------------- objects -- */

/* The tags by which C knows its userdata: the address is what counts. */
extern const char provider_tag, probe_tag, integer_tag;

struct provider {
    const void *tag;
    rst_provider *handle; /* NULL once it is closed */
    struct probe *probes; /* those that Lua still has; the list keeps none of them alive */
};

/*
 * lua/rst/jit.lua reads the first two fields. A probe's uservalue is a table with its provider,
 * which the probe keeps alive, its name and its signature.
 */
struct probe {
    const void *tag;
    const volatile uint32_t *semaphore; /* never NULL; leads to 0 once the provider is closed */
    bool reported;                      /* a failure of a function has been printed */
    uint8_t count;
    uint8_t kinds[RST_MAX_ARGS];
    const rst_probe *handle; /* NULL once the provider is closed */
    struct provider *provider;
    struct probe *next, **link; /* in the provider's list */
};

/* An integer that Lua's numbers cannot hold. */
struct integer {
    const void *tag;
    uint64_t bits; /* two's complement */
    bool negative;
};

/* The userdata with this tag at that index, or NULL. A light userdata has no length. */
static inline void *test_object(lua_State *L, int index, const void *tag, size_t size)
{
    const void **object = lua_touserdata(L, index);

    return object && lua_rawlen(L, index) == size && *object == tag ? object : NULL;
}

/* Make a userdata of a class (a name by luaL_newmetatable()), with zeros after its tag. */
void *new_object(lua_State *L, const char *class, const void *tag, size_t size);

/* Make a class whose objects have these methods, and push its metatable. */
void new_class(lua_State *L, const char *class, const luaL_Reg *metamethods,
               const luaL_Reg *methods);

/* ------------------------------------------------------------------- errors -- */

/* Push an error object; lua_error() then raises it. `kind` is what `error.kind` gives. */
void push_problem(lua_State *L, const char *kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Push librst's last failure, whose errno decides the kind: `other` if it is not about names. */
void push_failure(lua_State *L, int error, const char *other);

/* Tell the program what the function that the probe at index 1 fired has done wrong: the value at
 * the top, which is popped. */
void report(lua_State *L);

/* ------------------------------------------------------------------- values -- */

/* No index: all values fit. */
#define NO_VALUE (-1)

/* The kinds of a signature's arguments, of which there are at most RST_MAX_ARGS; gives the count.
 */
int parse_kinds(const char *signature, uint8_t *ret_kinds);

/*
 * The bits of `count` values from stack index `first` on. Gives the index of the first that does
 * not fit, and pushes the error object; or NO_VALUE.
 */
int take_values(lua_State *L, const struct probe *probe, int first, uint64_t *ret_bits);

/* Push the error object that says how many values there should be. */
void push_arity(lua_State *L, int probe_index, const struct probe *probe, int given);

/*
 * An integer that is exact: FITS, NO_INTEGER, or OUT_OF_RANGE of 64 bits. LuaJIT's pointers are
 * integers only if they are asked for.
 */
enum integer_status { FITS, NO_INTEGER, OUT_OF_RANGE };
enum integer_status take_integer(lua_State *L, int index, bool pointers, struct integer *ret);

/* --------------------------------------------------------------- signatures -- */

/* Text without a NUL, or NULL. */
const char *get_text(lua_State *L, int index);

/* Replace a list of arguments at that index by librst's form, text. It must be the stack's top. */
void join_arguments(lua_State *L, int index);

/* ------------------------------------------------------------------- parts -- */

/* What lua/rst/jit.lua does for C: keys of the registry with functions, or nil. */
extern const char admit_probe, decode_cdata, make_cdata;

/* rst.onerror()'s function: a key of the registry. */
extern const char error_handler;

int new_provider(lua_State *L);
int new_probe(lua_State *L);
void close_probe(struct probe *probe);
int make_int64(lua_State *L);
int make_uint64(lua_State *L);

void open_problems(lua_State *L);
void open_integers(lua_State *L);
void open_probes(lua_State *L);
void open_providers(lua_State *L);

#endif
