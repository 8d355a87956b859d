/* SPDX-License-Identifier: MIT */
/* What the tests in Lua need of the system: the module rst_testing. */
#include "../c/lua_versions.h"

#include <lualib.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_STATES 16

/* nothing() is what the cost of a call is measured by. */
static int testing_nothing(lua_State *L)
{
    (void)L;
    return 0;
}

/* object() gives a userdata with a method nothing(). */
static int testing_object(lua_State *L)
{
    lua_newuserdatauv(L, 8, 0);
    if (luaL_newmetatable(L, "rst_testing.object")) {
        lua_newtable(L);
        lua_pushcfunction(L, testing_nothing);
        lua_setfield(L, -2, "nothing");
        lua_setfield(L, -2, "__index");
    }
    lua_setmetatable(L, -2);
    return 1;
}

/* fork() gives 0 in the child, and the child's id in the parent. */
static int testing_fork(lua_State *L)
{
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child < 0)
        return luaL_error(L, "fork: %s", strerror(errno));
    lua_pushinteger(L, child);
    return 1;
}

/* leave(status) ends a child at once: what it has of its parent's output isn't written twice. */
static int testing_leave(lua_State *L)
{
    _exit((int)luaL_checkinteger(L, 1));
}

/* wait(child) gives its exit status, or 128 and the signal. */
static int testing_wait(lua_State *L)
{
    int status;

    if (waitpid((pid_t)luaL_checkinteger(L, 1), &status, 0) < 0)
        return luaL_error(L, "waitpid: %s", strerror(errno));
    lua_pushinteger(L, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    return 1;
}

/* setenv(name, value): nil removes it. */
static int testing_setenv(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);

    if (lua_isnoneornil(L, 2))
        unsetenv(name);
    else
        setenv(name, luaL_checkstring(L, 2), 1);
    return 0;
}

/* capture(function) gives what is printed to the standard error while the function runs. */
static int testing_capture(lua_State *L)
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    char text[4096];
    int status;

    if (!file || saved < 0)
        return luaL_error(L, "tmpfile: %s", strerror(errno));
    dup2(fileno(file), STDERR_FILENO);
    lua_settop(L, 1);
    status = lua_pcall(L, 0, 0, 0);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    lua_pushlstring(L, text, fread(text, 1, sizeof(text), file));
    fclose(file);
    if (status == LUA_OK)
        return 1;
    lua_pop(L, 1);
    return lua_error(L);
}

/* exhaust() asks for more memory than there is. */
static int testing_exhaust(lua_State *L)
{
    lua_newuserdatauv(L, (size_t)1 << 46, 0);
    return 1;
}

/* address(value) gives a light userdata. */
static int testing_address(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)luaL_checkinteger(L, 1));
    return 1;
}

/* What a state has besides the standard libraries: where it finds modules, as this one does. */
static void set_paths(lua_State *L, const char *path, const char *cpath)
{
    lua_getglobal(L, "package");
    lua_pushstring(L, path);
    lua_setfield(L, -2, "path");
    lua_pushstring(L, cpath);
    lua_setfield(L, -2, "cpath");
    lua_pop(L, 1);
}

static const char *get_path(lua_State *L, const char *field)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, field);
    lua_remove(L, -2);
    return lua_tostring(L, -1);
}

struct state {
    pthread_t thread;
    const char *chunk, *path, *cpath;
    int number;
    char error[256];
};

static void *run_state(void *data)
{
    struct state *state = data;
    lua_State *L = luaL_newstate();

    luaL_openlibs(L);
    set_paths(L, state->path, state->cpath);
    if (luaL_loadstring(L, state->chunk) == LUA_OK)
        lua_pushinteger(L, state->number);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        lua_getglobal(L, "tostring");
        lua_insert(L, -2);
        lua_call(L, 1, 1);
        snprintf(state->error, sizeof(state->error), "%s", lua_tostring(L, -1));
    }
    lua_close(L);
    return NULL;
}

/* run_states(count, chunk): each in a thread of its own, with its number. Raises what one raised.
 */
static int testing_run_states(lua_State *L)
{
    int count = (int)luaL_checkinteger(L, 1);
    const char *chunk = luaL_checkstring(L, 2);
    const char *path = get_path(L, "path"), *cpath = get_path(L, "cpath");
    struct state states[MAX_STATES];

    luaL_argcheck(L, count > 0 && count <= MAX_STATES, 1, "too many states");
    for (int i = 0; i < count; i++) {
        states[i] = (struct state){.chunk = chunk, .path = path, .cpath = cpath, .number = i + 1};
        if (pthread_create(&states[i].thread, NULL, run_state, &states[i]) != 0)
            return luaL_error(L, "no thread");
    }
    for (int i = 0; i < count; i++)
        pthread_join(states[i].thread, NULL);
    for (int i = 0; i < count; i++)
        if (states[i].error[0])
            return luaL_error(L, "state %d: %s", i + 1, states[i].error);
    return 0;
}

/* ---------------------------------------------------------------- lack of memory -- */

/* An allocator that has memory for so many objects more; if that is negative, for all. */
static void *allocate(void *data, void *old, size_t old_size, size_t size)
{
    long *left = data;

    if (size == 0) {
        free(old);
        return NULL;
    }
    if (*left == 0 && (!old || size > old_size))
        return NULL;
    *left -= *left > 0 && !old;
    return realloc(old, size);
}

/*
 * starve(before, chunk): run the chunks in new states, in which an allocation of the second fails:
 * the first and all later ones, then from the second on, until none does. Gives how many runs that
 * took; nil where this Lua takes no allocator. What is wrong in other ways is raised.
 */
static int testing_starve(lua_State *L)
{
    const char *before = luaL_checkstring(L, 1), *chunk = luaL_checkstring(L, 2);
    const char *path = get_path(L, "path"), *cpath = get_path(L, "cpath");
    long runs = 0;
    int status = LUA_ERRMEM;

    for (; status == LUA_ERRMEM; lua_settop(L, status == LUA_ERRMEM ? 4 : 5)) {
        long left = -1;
        lua_State *starved = lua_newstate(allocate, &left);

        if (!starved)
            return 0;
        luaL_openlibs(starved);
        set_paths(starved, path, cpath);
        status = luaL_loadstring(starved, before);
        if (status == LUA_OK)
            status = lua_pcall(starved, 0, 0, 0);
        if (status == LUA_OK)
            status = luaL_loadstring(starved, chunk);
        if (status == LUA_OK) {
            left = runs++;
            status = lua_pcall(starved, 0, 0, 0);
            left = -1;
        }
        if (status != LUA_OK && status != LUA_ERRMEM) {
            lua_getglobal(starved, "tostring");
            lua_insert(starved, -2);
            lua_call(starved, 1, 1);
            lua_pushstring(L, lua_tostring(starved, -1));
            if (strstr(lua_tostring(L, -1), "not enough memory")) /* as assert(loadstring()) says */
                status = LUA_ERRMEM;
        }
        lua_close(starved);
    }
    if (status != LUA_OK)
        return lua_error(L);
    lua_pushinteger(L, (lua_Integer)runs);
    return 1;
}

__attribute__((visibility("default"))) int luaopen_rst_testing(lua_State *L);

int luaopen_rst_testing(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"nothing", testing_nothing}, {"object", testing_object},
        {"fork", testing_fork},       {"leave", testing_leave},
        {"wait", testing_wait},       {"setenv", testing_setenv},
        {"address", testing_address}, {"run_states", testing_run_states},
        {"starve", testing_starve},   {"capture", testing_capture},
        {"exhaust", testing_exhaust}, {NULL, NULL},
    };

    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}
