/* SPDX-License-Identifier: MIT */
/* Providers: groups of probes that are loaded together. */
/*** @submodule rst */
#include "objects.h"

#include <errno.h>
#include <string.h>

#define CLASS "rst.provider"

const char provider_tag;

/* Raises unless the method was called on a provider. */
static struct provider *get_provider(lua_State *L)
{
    struct provider *provider = test_object(L, 1, &provider_tag, sizeof(*provider));

    if (!provider) {
        push_problem(L, "type", "a provider's method was called on %s: write provider:method()",
                     luaL_typename(L, 1));
        lua_error(L);
    }
    return provider;
}

/* Raises if it has been closed. */
static struct provider *get_open(lua_State *L)
{
    struct provider *provider = get_provider(L);

    if (!provider->handle) {
        lua_getuservalue(L, 1);
        lua_getfield(L, -1, "name");
        push_problem(L, "closed", "the provider %s has been closed", lua_tostring(L, -1));
        lua_error(L);
    }
    return provider;
}

/* ---------------------------------------------------------------- options -- */

static int bad_option(lua_State *L, const char *option)
{
    push_problem(L, "invalid",
                 "unknown option %s: there are backing (\"auto\", \"memfd\" or \"file\") and "
                 "directory (an absolute path)",
                 option);
    return lua_error(L);
}

static int find_backing(lua_State *L)
{
    static const char *const names[] = {
        [RST_BACKING_AUTO] = "auto",
        [RST_BACKING_MEMFD] = "memfd",
        [RST_BACKING_FILE] = "file",
    };
    const char *name = get_text(L, -1);

    for (int i = 0; name && i < (int)(sizeof(names) / sizeof(names[0])); i++)
        if (strcmp(names[i], name) == 0)
            return i;
    push_problem(L, "invalid", "backing is \"auto\", \"memfd\" or \"file\", not %s",
                 name ? name : luaL_typename(L, -1));
    return lua_error(L);
}

/* The value at the top; NULL for nil. */
static const char *get_directory(lua_State *L)
{
    const char *directory = get_text(L, -1);

    if (!directory && !lua_isnil(L, -1)) {
        push_problem(L, "invalid", "directory is an absolute path, text without a NUL, not %s",
                     luaL_typename(L, -1));
        lua_error(L);
    }
    return directory;
}

/* The table at index 2. */
static void set_options(lua_State *L, struct provider *provider)
{
    const char *directory;
    int backing, error;

    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "that isn't text";

        if (strcmp(key, "backing") != 0 && strcmp(key, "directory") != 0)
            bad_option(L, key);
    }
    lua_getfield(L, 2, "directory");
    directory = get_directory(L);
    lua_getfield(L, 2, "backing");
    backing = lua_isnil(L, -1) ? RST_BACKING_AUTO : find_backing(L);
    error = rst_provider_set_backing(provider->handle, backing, directory);
    if (error < 0) {
        push_failure(L, -error, "memory");
        lua_error(L);
    }
}

/***
Makes a provider: a named group of probes.

    local rst = require "rst"
    local shop = rst.provider("shop")
    local checkout = shop:probe("checkout", "uint64 order, string customer")
    shop:load()
    checkout:fire(1, "Ada")

It goes when neither it nor one of its probes is used any more, at @{provider:close}, and at the end
of a Lua 5.4 variable `local shop <close>`.
@function provider
@tparam string name letters, digits and `_`; at most 58
@tparam[opt] table options `backing`: where the probes are kept, `"auto"`, `"memfd"` or `"file"`;
`directory`: for files. The environment variable `RST_BACKING` overrides both.
@treturn provider
@raise `invalid` for a name or an option that isn't one
*/
int new_provider(lua_State *L)
{
    struct provider *provider;
    const char *name;

    lua_settop(L, 2);
    name = get_text(L, 1);
    if (!name || !(lua_isnoneornil(L, 2) || lua_istable(L, 2))) {
        push_problem(L, "invalid",
                     "rst.provider() takes a name without a NUL, and perhaps a table");
        return lua_error(L);
    }
    provider = new_object(L, CLASS, &provider_tag, sizeof(*provider));
    lua_createtable(L, 0, 1);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "name");
    lua_setuservalue(L, 3);
    provider->handle = rst_provider_new(name);
    if (!provider->handle) {
        push_failure(L, errno, "memory");
        return lua_error(L);
    }
    if (lua_istable(L, 2))
        set_options(L, provider);
    lua_settop(L, 3);
    return 1;
}

/* ---------------------------------------------------------------- methods -- */

static int provider_probe(lua_State *L)
{
    get_open(L);
    return new_probe(L);
}

/*
 * true; or what io.open() gives, for what the system refuses must not end the program. Not an error
 * object, because assert() of Lua 5.1 and 5.2 takes only text.
 */
static int result(lua_State *L, int error)
{
    if (error == 0) {
        lua_pushboolean(L, true);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, rst_error());
    lua_pushinteger(L, -error);
    return 3;
}

/***
Shows the provider's probes to tracers. Call it again for probes that were declared since, and after
@{provider:unload}. If the environment has `RST_DISABLE=1`, it does nothing.

A program can go on if this fails, and fire its probes.
@function provider:load
@treturn[1] boolean true
@treturn[2] nil
@treturn[2] string what is wrong, and what would be right
@treturn[2] number errno
@raise `closed`
*/
static int provider_load(lua_State *L)
{
    struct provider *provider = get_open(L);
    int error = rst_provider_load(provider->handle);

    for (struct probe *probe = provider->probes; probe; probe = probe->next)
        probe->semaphore = rst_probe_semaphore(probe->handle);
    return result(L, error);
}

/***
Hides the provider's probes from tracers, until the next @{provider:load}.
@function provider:unload
@treturn[1] boolean true
@treturn[2] nil if tracers may still find the probes; they see no hits
@treturn[2] string what is wrong
@treturn[2] number errno
@raise `closed`
*/
static int provider_unload(lua_State *L)
{
    return result(L, rst_provider_unload(get_open(L)->handle));
}

/***
Says whether tracers can see the provider.
@function provider:loaded
@treturn boolean
*/
static int provider_loaded(lua_State *L)
{
    lua_pushboolean(L, rst_provider_loaded(get_provider(L)->handle));
    return 1;
}

/***
@function provider:name
@treturn string
*/
static int provider_name(lua_State *L)
{
    get_provider(L);
    lua_getuservalue(L, 1);
    lua_getfield(L, -1, "name");
    return 1;
}

/***
Unloads the provider and frees it. Its probes can still be fired, and do nothing; their names can be
declared again. To close it once more does nothing.
@function provider:close
*/
static int provider_close(lua_State *L)
{
    struct provider *provider = get_provider(L);
    rst_provider *handle = provider->handle;

    while (provider->probes)
        close_probe(provider->probes);
    provider->handle = NULL;
    rst_provider_free(handle);
    return 0;
}

static int provider_gc(lua_State *L)
{
    return test_object(L, 1, &provider_tag, sizeof(struct provider)) ? provider_close(L) : 0;
}

void open_providers(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__gc", provider_gc},
        {"__close", provider_close},
        {"__tostring", provider_name},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"probe", provider_probe},
        {"load", provider_load},
        {"unload", provider_unload},
        {"loaded", provider_loaded},
        {"name", provider_name},
        {"close", provider_close},
        {NULL, NULL},
    };

    new_class(L, CLASS, metamethods, methods);
    lua_pop(L, 1);
}
