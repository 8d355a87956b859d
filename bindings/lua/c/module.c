/* SPDX-License-Identifier: MIT */
/***
USDT probes for Lua: places in a program that bpftrace, gdb, perf and other tools can watch while it
runs. While nobody watches, they cost next to nothing.

Errors are tables with `kind`, `message` and `where` (`"shop.lua:3: "`), and `tostring(error)`
is the text. Kinds are `invalid` (a name, a signature, an option), `exists`, `arity`, `type`,
`range`, `closed` and `memory`. What the system refuses isn't raised: @{provider:load} returns it,
as `io.open` does.

Coroutines may share probes. A probe belongs to its `lua_State`; states in several threads may
load and fire at the same time, but a probe's name is unique in the process.

After a fork, probes work in the child as they did in the parent.

Where there can be no probes (elsewhere than on Linux), @{provider:load} says so, and
everything else works and does nothing.
@module rst
*/
#include "objects.h"

/***
Says what is called when a function that was fired fails: @{probe:fire} explains which errors these
are. Without a handler, the first failure of each probe is printed to the standard error.
@function onerror
@tparam function|nil handler called with the probe and the error; errors that it raises are ignored
*/
static int set_error_handler(lua_State *L)
{
    lua_settop(L, 1);
    if (!lua_isnil(L, 1) && !lua_isfunction(L, 1)) {
        push_problem(L, "type", "rst.onerror() takes a function or nil, not %s",
                     luaL_typename(L, 1));
        return lua_error(L);
    }
    lua_rawsetp(L, LUA_REGISTRYINDEX, &error_handler);
    return 0;
}

/* assist(admit, decode, make): what jit.lua does for C. Gives the methods of probes. */
static int assist(lua_State *L)
{
    lua_settop(L, 3);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &make_cdata);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &decode_cdata);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &admit_probe);
    luaL_getmetatable(L, "rst.probe");
    lua_getfield(L, -1, "__index");
    return 1;
}

__attribute__((visibility("default"))) int luaopen_rst_core(lua_State *L);

int luaopen_rst_core(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"provider", new_provider},     {"int64", make_int64}, {"uint64", make_uint64},
        {"onerror", set_error_handler}, {NULL, NULL},
    };

    open_problems(L);
    open_integers(L);
    open_probes(L);
    open_providers(L);
    lua_createtable(L, 0, 2);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    /***
    librst's version, `"MAJOR.MINOR.PATCH"`.
    @field version
    */
    lua_pushstring(L, rst_version());
    lua_setfield(L, -2, "version");
    lua_setfield(L, -2, "public");
    lua_pushcfunction(L, assist);
    lua_setfield(L, -2, "assist");
    return 1;
}
