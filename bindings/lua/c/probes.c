/* SPDX-License-Identifier: MIT */
/*
 * Probes: what a program fires.
 *
 * A probe has a copy of the address of its semaphore, which it reads itself: an unwatched fire
 * calls nothing of librst. The copy is renewed at each load, and leads to a zero once the provider
 * is closed, so that a probe that outlives its provider is a probe that nobody watches.
 */
/*** @submodule rst */
#include "objects.h"

#include <errno.h>
#include <string.h>

#define CLASS "rst.probe"

const char probe_tag;
const char admit_probe;

static const volatile uint32_t nobody = 0;

_Static_assert(offsetof(struct probe, semaphore) == 8, "lua/rst/jit.lua reads it there");

static inline struct probe *to_probe(lua_State *L)
{
    return test_object(L, 1, &probe_tag, sizeof(struct probe));
}

__attribute__((cold, noinline)) static int refuse_self(lua_State *L)
{
    push_problem(L, "type", "a probe's method was called on %s: write probe:method()",
                 luaL_typename(L, 1));
    return lua_error(L);
}

/* Raises unless the method was called on a probe. */
static inline struct probe *get_probe(lua_State *L)
{
    struct probe *probe = to_probe(L);

    if (__builtin_expect(!probe, 0))
        refuse_self(L);
    return probe;
}

static inline bool is_watched(const struct probe *probe)
{
    return __builtin_expect(*probe->semaphore != 0, 0);
}

/* ---------------------------------------------------------------- lifetime -- */

void close_probe(struct probe *probe)
{
    probe->semaphore = &nobody;
    probe->handle = NULL;
    if (!probe->provider)
        return;
    *probe->link = probe->next;
    if (probe->next)
        probe->next->link = probe->link;
    probe->provider = NULL;
}

static void link_probe(struct provider *provider, struct probe *probe)
{
    probe->provider = provider;
    probe->next = provider->probes;
    probe->link = &provider->probes;
    if (probe->next)
        probe->next->link = &probe->next;
    provider->probes = probe;
}

/* At lua_close(), the objects go in any order: the provider may have gone before. */
static int probe_gc(lua_State *L)
{
    struct probe *probe = to_probe(L);

    if (probe)
        close_probe(probe);
    return 0;
}

/* Tell jit.lua of a new probe. */
static void admit(lua_State *L, int probe, const char *signature)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &admit_probe);
    if (lua_isnil(L, -1))
        return;
    lua_pushvalue(L, probe);
    lua_pushstring(L, signature);
    lua_call(L, 2, 0);
}

/***
Declares a probe. Tracers see it after the next @{provider:load}.

`"uint64 order, string customer"` is librst's signature: a comma-separated list of types, each with
an optional name. A list is the same in tables, in which Lua's names of types are allowed, too:
`{ {order = "integer"}, {customer = "string"} }`.

    type                          a value is                                  a tracer sees
    int8 int16 int32 int64        an integer in the type's range              an integer
    uint8 uint16 uint32 uint64    the same; see uint64() beyond 2^53          an integer
    float double                  a number                                    its bits
    bool                          true, false, or nil, which is false         1 or 0
    string                        a string, seen up to its first NUL; or nil  its address; 0 for nil
    pointer                       an integer, a light userdata or nil         an integer
    integer number boolean        (only in tables) int64, double, bool

In LuaJIT, integers may be cdata, and a pointer may be a cdata pointer.
@function provider:probe
@tparam string name letters, digits and `_`; at most 127
@tparam[opt=""] string|table signature at most 12 arguments
@treturn probe it keeps its provider alive
@raise `invalid` for a name or a signature that isn't one, `exists` if the process has a probe of
that name, perhaps in another `lua_State`; `closed`
*/
int new_probe(lua_State *L)
{
    struct provider *provider = test_object(L, 1, &provider_tag, sizeof(*provider));
    const char *name, *signature;
    struct probe *probe;

    lua_settop(L, 3);
    if (lua_isnil(L, 3)) {
        lua_pushliteral(L, "");
        lua_replace(L, 3);
    } else if (lua_istable(L, 3)) {
        join_arguments(L, 3);
    }
    name = get_text(L, 2);
    signature = get_text(L, 3);
    if (!name || !signature) {
        push_problem(L, "invalid", "the %s of a probe is text without a NUL, not %s",
                     name ? "signature" : "name", name ? luaL_typename(L, 3) : luaL_typename(L, 2));
        return lua_error(L);
    }
    probe = new_object(L, CLASS, &probe_tag, sizeof(*probe));
    close_probe(probe);
    lua_createtable(L, 0, 3);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "provider");
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, "name");
    probe->handle = rst_provider_add(provider->handle, name, signature);
    if (!probe->handle) {
        push_failure(L, errno, "memory");
        return lua_error(L);
    }
    link_probe(provider, probe);
    probe->count = (uint8_t)parse_kinds(rst_probe_signature(probe->handle), probe->kinds);
    lua_pushstring(L, rst_probe_signature(probe->handle));
    lua_setfield(L, 5, "signature");
    lua_setuservalue(L, 4);
    admit(L, 4, rst_probe_signature(probe->handle));
    lua_settop(L, 4);
    return 1;
}

/* ---------------------------------------------------------------- firing -- */

/* The values are from stack index `first` on. Gives false, and pushes the error, if they are wrong.
 */
static bool fire_values(lua_State *L, const struct probe *probe, int first, bool *ret_fired)
{
    uint64_t bits[RST_MAX_ARGS + 1];
    int given = lua_gettop(L) - first + 1;

    if (__builtin_expect(given != probe->count, 0)) {
        lua_settop(L, first);
        push_arity(L, 1, probe, given);
        return false;
    }
    if (take_values(L, probe, first, bits) != NO_VALUE)
        return false;
    *ret_fired = is_watched(probe);
    if (*ret_fired)
        rst_probe_fire(probe->handle, bits, probe->count);
    return true;
}

/* The function may do anything, such as closing the provider: the semaphore is read again. */
__attribute__((noinline)) static bool fire_function(lua_State *L, const struct probe *probe)
{
    bool fired = false;
    int status;

    /* Where the stack is that full, the function could not be called either. */
    if (!lua_checkstack(L, RST_MAX_ARGS + LUA_MINSTACK))
        return false;
    lua_pushvalue(L, 2);
    status = lua_pcall(L, 0, probe->count == 0 ? 0 : LUA_MULTRET, 0);
    if (status == LUA_ERRMEM)
        lua_error(L);
    if (status != LUA_OK || !fire_values(L, probe, 3, &fired))
        report(L);
    return fired;
}

/***
Fires the probe. While nobody watches, that is a look at a number.

    checkout:fire(order, customer)
    checkout:fire(function() return order, slow(customer) end)

A function is called only while somebody watches. It returns the values, and can't yield. What goes
wrong in it can't be seen until somebody watches, so it doesn't harm the program: an error that it
raises, and values that don't fit, go to @{onerror}. That includes errors that a debug hook raises
while the function runs, but not the lack of memory.

In LuaJIT, `checkout:fire(1, "Ada")` is compiled. To make a function (`function() ... end`) is not:
in a hot loop, make it before, or ask @{probe:enabled} first.
@function probe:fire
@param ... the values, as many as the signature has arguments; or one function
@treturn boolean whether a tracer was told
@raise `arity`, `type` or `range` if values don't fit, whether or not somebody watches
*/
static int probe_fire(lua_State *L)
{
    struct probe *probe = get_probe(L);
    bool fired = false;

    if (lua_gettop(L) == 2 && lua_isfunction(L, 2))
        fired = is_watched(probe) && fire_function(L, probe);
    else if (!fire_values(L, probe, 2, &fired))
        return lua_error(L);
    lua_pushboolean(L, fired);
    return 1;
}

/***
Says whether a tracer is attached, for work that only a tracer needs.
@function probe:enabled
@treturn boolean
*/
static int probe_enabled(lua_State *L)
{
    lua_pushboolean(L, is_watched(get_probe(L)));
    return 1;
}

/* ---------------------------------------------------------------- looking -- */

static int get_own(lua_State *L, const char *field)
{
    get_probe(L);
    lua_getuservalue(L, 1);
    lua_getfield(L, -1, field);
    return 1;
}

/***
@function probe:name
@treturn string
*/
static int probe_name(lua_State *L)
{
    return get_own(L, "name");
}

/***
The signature in librst's own form, `"uint64 order, string customer"`.
@function probe:signature
@treturn string
*/
static int probe_signature(lua_State *L)
{
    return get_own(L, "signature");
}

/***
@function probe:provider
@treturn provider
*/
static int probe_provider(lua_State *L)
{
    return get_own(L, "provider");
}

/***
What a tracer attaches to: `/proc/PID/fd/N`, or the name of a file.
@function probe:path
@treturn string|nil nil while the probe isn't loaded. After a fork, the child's is another.
*/
static int probe_path(lua_State *L)
{
    lua_pushstring(L, rst_probe_path(get_probe(L)->handle));
    return 1;
}

/* "shop:checkout" */
static int probe_tostring(lua_State *L)
{
    get_own(L, "provider");
    lua_getuservalue(L, -1);
    lua_getfield(L, -1, "name");
    lua_pushliteral(L, ":");
    get_own(L, "name");
    lua_remove(L, -2);
    lua_concat(L, 3);
    return 1;
}

void open_probes(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__gc", probe_gc},
        {"__tostring", probe_tostring},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"fire", probe_fire},
        {"enabled", probe_enabled},
        {"name", probe_name},
        {"signature", probe_signature},
        {"provider", probe_provider},
        {"path", probe_path},
        {NULL, NULL},
    };

    new_class(L, CLASS, metamethods, methods);
    lua_pop(L, 1);
}
