/* SPDX-License-Identifier: MIT */
/* Userdata that C knows by a tag, which costs less than a look at the metatable. */
#include "objects.h"

#include <string.h>

void *new_object(lua_State *L, const char *class, const void *tag, size_t size)
{
    const void **object = lua_newuserdatauv(L, size, 1);

    memset(object, 0, size);
    *object = tag;
    luaL_getmetatable(L, class);
    lua_setmetatable(L, -2);
    return object;
}

void new_class(lua_State *L, const char *class, const luaL_Reg *metamethods,
               const luaL_Reg *methods)
{
    luaL_newmetatable(L, class);
    luaL_setfuncs(L, metamethods, 0);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
}
