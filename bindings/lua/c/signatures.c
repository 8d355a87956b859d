/* SPDX-License-Identifier: MIT */
/* Signatures that are tables: { {order = "integer"}, "string customer" }. */
#include "objects.h"

#include <string.h>

const char *get_text(lua_State *L, int index)
{
    size_t length;
    const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &length) : NULL;

    return text && strlen(text) == length ? text : NULL;
}

/* What librst's types are called in the table form, besides their own names. */
static const char *librst_type(const char *name)
{
    static const char *const names[][2] = {
        {"integer", "int64"},
        {"number", "double"},
        {"boolean", "bool"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i][0], name) == 0)
            return names[i][1];
    return name;
}

static int bad_argument(lua_State *L, int number)
{
    push_problem(
        L, "invalid",
        "argument %d of the signature is neither \"uint64 order\" nor {order = \"uint64\"}",
        number);
    return lua_error(L);
}

/* Push the text of one argument: "uint64 order", or {order = "uint64"}, which is at the top. */
static void push_argument(lua_State *L, int number)
{
    int argument = lua_gettop(L);

    if (get_text(L, argument)) {
        lua_pushvalue(L, argument);
        return;
    }
    if (!lua_istable(L, argument))
        bad_argument(L, number);
    lua_pushnil(L);
    if (!lua_next(L, argument) || !get_text(L, -2) || !get_text(L, -1))
        bad_argument(L, number);
    lua_pushfstring(L, "%s %s", librst_type(lua_tostring(L, -1)), lua_tostring(L, -2));
    lua_pushvalue(L, argument + 1); /* lua_next() wants the key */
    if (lua_next(L, argument))
        bad_argument(L, number);
}

/* A list has nothing else in it: { order = "uint64" } would be a probe without arguments. */
static void refuse_other_keys(lua_State *L, int index, int count)
{
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        const char *key = get_text(L, -2);

        if (lua_type(L, -2) == LUA_TNUMBER && lua_tonumber(L, -2) >= 1 &&
            lua_tonumber(L, -2) <= count)
            continue;
        push_problem(L, "invalid",
                     "the signature is a list, and has a key that is %s: write {order = "
                     "\"uint64\"} into braces of its own, { {order = \"uint64\"} }",
                     key ? key : luaL_typename(L, -2));
        lua_error(L);
    }
}

void join_arguments(lua_State *L, int index)
{
    int count = (int)lua_rawlen(L, index);
    luaL_Buffer buffer;

    if (count > RST_MAX_ARGS) {
        push_problem(L, "invalid", "the signature has %d arguments; at most %d are allowed", count,
                     RST_MAX_ARGS);
        lua_error(L);
    }
    refuse_other_keys(L, index, count);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, index, i);
        push_argument(L, i);
        lua_insert(L, index + i);
        lua_settop(L, index + i);
    }
    luaL_buffinit(L, &buffer);
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addstring(&buffer, ", ");
        luaL_addstring(&buffer, lua_tostring(L, index + i));
    }
    luaL_pushresult(&buffer);
    lua_replace(L, index);
    lua_settop(L, index);
}
