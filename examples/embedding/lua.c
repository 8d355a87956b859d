/* SPDX-License-Identifier: MIT */
/*
 * Lua 5.4 with probes: calls and returns by Lua's hook, which is set only while somebody watches
 * them; allocations by the allocator that Lua is given; collections by an object that nothing
 * refers to, whose finalizer makes the next one.
 */
#include "host.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

static lua_State *lua;
static uint64_t bytes_in_use;
static bool closing;

/* ---------------------------------------------------------------------------- calls -- */

static bool calls_are_watched(void)
{
    return RST_ENABLED(host_probes[HOST_CALL]) || RST_ENABLED(host_probes[HOST_RETURN]);
}

static void on_call_or_return(lua_State *L, lua_Debug *call)
{
    const char *name;

    if (!calls_are_watched()) {
        lua_sethook(L, NULL, 0, 0); /* of this coroutine */
        return;
    }
    lua_getinfo(L, "nS", call);
    name = call->name ? call->name : "?"; /* called by C, or a tail call */
    if (call->event == LUA_HOOKRET) {
        host_counts[HOST_RETURN]++;
        RST_FIRE(host_probes[HOST_RETURN], name);
        return;
    }
    host_counts[HOST_CALL]++;
    RST_FIRE(host_probes[HOST_CALL], name, call->short_src, call->linedefined);
}

/* A coroutine inherits the hook when it is made. */
static void look(void)
{
    bool hooked = lua_gethook(lua) != NULL, watched = calls_are_watched();

    if (watched && !hooked)
        lua_sethook(lua, on_call_or_return, LUA_MASKCALL | LUA_MASKRET, 0);
    else if (!watched && hooked)
        lua_sethook(lua, NULL, 0, 0);
}

/* ---------------------------------------------------------------------- allocations -- */

/* What Lua allocates for: where there is no old block, it tells by `old_size`. */
static const char *kind_of(bool new, size_t old_size)
{
    static const char *const kinds[] = {
        [LUA_TSTRING] = "string",     [LUA_TTABLE] = "table",   [LUA_TFUNCTION] = "function",
        [LUA_TUSERDATA] = "userdata", [LUA_TTHREAD] = "thread",
    };

    if (!new)
        return "resize";
    if (old_size >= sizeof(kinds) / sizeof(kinds[0]) || !kinds[old_size])
        return "other";
    return kinds[old_size];
}

static void *allocate(void *data, void *old, size_t old_size, size_t size)
{
    bool new = !old;
    void *block;

    (void)data;
    if (size == 0) {
        bytes_in_use -= new ? 0 : old_size;
        free(old);
        return NULL;
    }
    block = realloc(old, size);
    if (!block)
        return NULL;
    bytes_in_use += size - (new ? 0 : old_size);
    host_counts[HOST_ALLOCATE]++;
    host_bytes += size;
    RST_FIRE(host_probes[HOST_ALLOCATE], kind_of(new, old_size), size);
    return block;
}

/* ---------------------------------------------------------------------- collections -- */

static void make_sentinel(lua_State *L)
{
    lua_newuserdatauv(L, 0, 0);
    luaL_setmetatable(L, "sentinel");
    lua_pop(L, 1);
}

/* The collector has found the sentinel: a cycle is at its end. */
static int sentinel_found(lua_State *L)
{
    if (closing)
        return 0;
    host_counts[HOST_COLLECT]++;
    RST_FIRE(host_probes[HOST_COLLECT], host_counts[HOST_COLLECT], bytes_in_use);
    make_sentinel(L);
    return 0;
}

/* ---------------------------------------------------------------------- the language -- */

/* Protected, for each call may run out of memory. */
static int begin(lua_State *L)
{
    const char *script = lua_touserdata(L, 1);

    luaL_openlibs(L);
    luaL_newmetatable(L, "sentinel");
    lua_pushcfunction(L, sentinel_found);
    lua_setfield(L, -2, "__gc");
    make_sentinel(L);
    if (luaL_dofile(L, script) != LUA_OK)
        lua_error(L);
    return 0;
}

static bool open_lua(const char *script)
{
    lua = lua_newstate(allocate, NULL);
    if (!lua) {
        fprintf(stderr, "lua: no memory\n");
        return false;
    }
    lua_pushcfunction(lua, begin);
    lua_pushlightuserdata(lua, (void *)(uintptr_t)script);
    if (lua_pcall(lua, 1, 0, 0) != LUA_OK) {
        fprintf(stderr, "lua: %s\n", lua_tostring(lua, -1));
        return false;
    }
    return true;
}

static int answer_line(lua_State *L)
{
    lua_getglobal(L, "on_line");
    lua_pushstring(L, lua_touserdata(L, 1));
    lua_call(L, 1, 1);
    luaL_tolstring(L, -1, NULL);
    return 1;
}

static const char *answer(const char *line)
{
    lua_settop(lua, 0);
    lua_pushcfunction(lua, answer_line);
    lua_pushlightuserdata(lua, (void *)(uintptr_t)line);
    lua_pcall(lua, 1, 1, 0); /* what is left is the answer, or an error's message */
    return lua_isstring(lua, -1) ? lua_tostring(lua, -1) : "(an error that is not a string)";
}

static void close_lua(void)
{
    closing = true;
    if (lua)
        lua_close(lua);
}

const struct host_language host_language = {
    .name = "lua",
    .signatures =
        {
            [HOST_CALL] = "string name, string file, int32 line",
            [HOST_RETURN] = "string name",
            [HOST_ALLOCATE] = "string kind, uint64 bytes",
            [HOST_COLLECT] = "uint64 cycle, uint64 bytes_in_use",
        },
    .open = open_lua,
    .look = look,
    .answer = answer,
    .close = close_lua,
};
