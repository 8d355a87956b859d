/* SPDX-License-Identifier: MIT */
/*
 * Lua's C interface, as 5.4 has it, for 5.1 to 5.4 and LuaJIT (whose interface is that of 5.1).
 */
#ifndef RST_LUA_VERSIONS_H
#define RST_LUA_VERSIONS_H

#include <lauxlib.h>
#include <lua.h>

#include <stdint.h>

/* What lua_type() gives for LuaJIT's cdata. No other Lua has this type. */
#define TYPE_CDATA 10

#if LUA_VERSION_NUM < 502
#define LUA_OK 0
#define lua_rawlen lua_objlen
#define lua_setuservalue lua_setfenv
#define lua_getuservalue lua_getfenv
#define luaL_setfuncs(L, functions, upvalues) luaL_register(L, NULL, functions)

static inline void lua_rawgetp(lua_State *L, int index, const void *key)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_rawget(L, index);
}

/* Only with LUA_REGISTRYINDEX, which pushing does not move. */
static inline void lua_rawsetp(lua_State *L, int index, const void *key)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_insert(L, -2);
    lua_rawset(L, index);
}
#endif

#if LUA_VERSION_NUM < 504
#define lua_newuserdatauv(L, size, values) lua_newuserdata(L, size)
#else
#undef lua_setuservalue
#undef lua_getuservalue
#define lua_setuservalue(L, index) lua_setiuservalue(L, index, 1)
#define lua_getuservalue(L, index) lua_getiuservalue(L, index, 1)
#endif

#endif
