/* SPDX-License-Identifier: MIT */
/*
 * Errors are objects: `kind` says which sort of mistake it is, `message` what is wrong and what
 * would be right, `where` the place in the program ("shop.lua:3:").
 */
#include "objects.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CLASS "rst.error"

/* Longer than the longest message: a signature of 12 arguments fits. */
#define MESSAGE_SIZE 1024

const char error_handler;

void push_problem(lua_State *L, const char *kind, const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    lua_createtable(L, 0, 3);
    lua_pushstring(L, kind);
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, message);
    lua_setfield(L, -2, "message");
    luaL_where(L, 1);
    lua_setfield(L, -2, "where");
    luaL_getmetatable(L, CLASS);
    lua_setmetatable(L, -2);
}

void push_failure(lua_State *L, int error, const char *other)
{
    static const struct {
        int error;
        const char *kind;
    } kinds[] = {
        {EINVAL, "invalid"},
        {ENAMETOOLONG, "invalid"},
        {E2BIG, "invalid"},
        {EEXIST, "exists"},
    };
    const char *kind = other;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].error == error)
            kind = kinds[i].kind;
    push_problem(L, kind, "%s", rst_error());
}

/* The text of the error object at that index; also of one that a program has changed. */
static int problem_tostring(lua_State *L)
{
    lua_settop(L, 1);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_getfield(L, 1, "where");
    lua_getfield(L, 1, "message");
    if (!lua_isstring(L, 2) || !lua_isstring(L, 3))
        lua_pushliteral(L, "an error of librst");
    else
        lua_concat(L, 2);
    return 1;
}

/* Push the text of any value. */
static void push_text(lua_State *L, int index)
{
    lua_getglobal(L, "tostring");
    if (!lua_isfunction(L, -1)) {
        lua_pop(L, 1);
        lua_pushstring(L, luaL_typename(L, index));
        return;
    }
    lua_pushvalue(L, index);
    lua_call(L, 1, 1);
}

/* `"failed: " .. error` */
static int problem_concat(lua_State *L)
{
    lua_settop(L, 2);
    push_text(L, 1);
    push_text(L, 2);
    lua_concat(L, 2);
    return 1;
}

/* What is done if the program says nothing else: (probe, error). Once for each probe. */
static int print_error(lua_State *L)
{
    struct probe *probe = test_object(L, 1, &probe_tag, sizeof(*probe));

    if (!probe || probe->reported)
        return 0;
    probe->reported = true;
    push_text(L, 1);
    push_text(L, 2);
    fprintf(stderr, "rst: %s: a function that was fired failed: %s\n", lua_tostring(L, -2),
            lua_tostring(L, -1));
    return 0;
}

void report(lua_State *L)
{
    int error = lua_gettop(L);

    lua_rawgetp(L, LUA_REGISTRYINDEX, &error_handler);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushcfunction(L, print_error);
    }
    lua_pushvalue(L, 1);
    lua_pushvalue(L, error);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        lua_pop(L, 1); /* a handler that fails must not harm the program either */
    lua_pop(L, 1);
}

void open_problems(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__tostring", problem_tostring},
        {"__concat", problem_concat},
        {NULL, NULL},
    };

    luaL_newmetatable(L, CLASS);
    luaL_setfuncs(L, metamethods, 0);
    lua_pop(L, 1);
}
