/* SPDX-License-Identifier: MIT */
/*
 * Lua's values as a probe's arguments: what each kind of argument takes, and its bits. Nothing is
 * allocated for values that fit, because they are looked at while nobody watches, too.
 */
#include "objects.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Which Lua values a kind takes. */
enum takes {
    TAKES_INTEGER,
    TAKES_FLOAT,
    TAKES_DOUBLE,
    TAKES_BOOLEAN,
    TAKES_STRING,
    TAKES_POINTER,
};

static const char *const taken[] = {
    [TAKES_INTEGER] = "an integer",     [TAKES_FLOAT] = "a number",
    [TAKES_DOUBLE] = "a number",        [TAKES_BOOLEAN] = "true, false or nil",
    [TAKES_STRING] = "a string or nil", [TAKES_POINTER] = "an integer, a light userdata or nil",
};

/* `min` is signed, `max` is not: together they bound every integer type. */
static const struct kind {
    const char *name;
    enum takes takes;
    int64_t min;
    uint64_t max;
} kinds[] = {
    {"bool", TAKES_BOOLEAN, 0, 0},
    {"int8", TAKES_INTEGER, INT8_MIN, INT8_MAX},
    {"int16", TAKES_INTEGER, INT16_MIN, INT16_MAX},
    {"int32", TAKES_INTEGER, INT32_MIN, INT32_MAX},
    {"int64", TAKES_INTEGER, INT64_MIN, INT64_MAX},
    {"uint8", TAKES_INTEGER, 0, UINT8_MAX},
    {"uint16", TAKES_INTEGER, 0, UINT16_MAX},
    {"uint32", TAKES_INTEGER, 0, UINT32_MAX},
    {"uint64", TAKES_INTEGER, 0, UINT64_MAX},
    {"float", TAKES_FLOAT, 0, 0},
    {"double", TAKES_DOUBLE, 0, 0},
    {"pointer", TAKES_POINTER, 0, UINT64_MAX},
    {"string", TAKES_STRING, 0, 0},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

/* The length of the word that a text begins with. */
static size_t word(const char *text)
{
    return strcspn(text, " ,");
}

static uint8_t find_kind(const char *text)
{
    size_t length = word(text), i;

    for (i = 0; i < KIND_COUNT - 1; i++)
        if (strlen(kinds[i].name) == length && memcmp(kinds[i].name, text, length) == 0)
            break;
    return (uint8_t)i; /* librst made the text, of these types only */
}

static const char *next_argument(const char *text)
{
    text += strcspn(text, ",");
    return text + strspn(text, ", ");
}

int parse_kinds(const char *signature, uint8_t *ret_kinds)
{
    int count = 0;

    for (; *signature && count < RST_MAX_ARGS; signature = next_argument(signature))
        ret_kinds[count++] = find_kind(signature);
    return count;
}

static bool in_range(const struct kind *kind, const struct integer *value)
{
    return value->negative ? (int64_t)value->bits >= kind->min : value->bits <= kind->max;
}

static enum integer_status take_bounded(lua_State *L, const struct kind *kind, int index,
                                        uint64_t *ret)
{
    struct integer value;
    enum integer_status status = take_integer(L, index, kind->takes == TAKES_POINTER, &value);

    if (status != FITS)
        return status;
    *ret = value.bits;
    return in_range(kind, &value) ? FITS : OUT_OF_RANGE;
}

static bool take_number(lua_State *L, int index, double *ret)
{
    struct integer value;

    if (lua_type(L, index) == LUA_TNUMBER) {
        *ret = lua_tonumber(L, index);
        return true;
    }
    if (take_integer(L, index, false, &value) != FITS)
        return false;
    *ret = value.negative ? (double)(int64_t)value.bits : (double)value.bits;
    return true;
}

static enum integer_status take_value(lua_State *L, const struct kind *kind, int index,
                                      uint64_t *ret)
{
    int type = kind->takes == TAKES_INTEGER ? LUA_TNONE : lua_type(L, index);
    double number;

    *ret = 0;
    switch (kind->takes) {
    case TAKES_INTEGER:
        return take_bounded(L, kind, index, ret);
    case TAKES_FLOAT:
    case TAKES_DOUBLE:
        if (!take_number(L, index, &number))
            return NO_INTEGER;
        *ret = kind->takes == TAKES_FLOAT ? RST_BITS((float)number) : RST_BITS(number);
        return FITS;
    case TAKES_BOOLEAN:
        *ret = (uint64_t)lua_toboolean(L, index);
        return type == LUA_TBOOLEAN || type == LUA_TNIL ? FITS : NO_INTEGER;
    case TAKES_STRING:
        if (type == LUA_TSTRING)
            *ret = RST_BITS(lua_tostring(L, index));
        return type == LUA_TSTRING || type == LUA_TNIL ? FITS : NO_INTEGER;
    case TAKES_POINTER:
        if (type == LUA_TLIGHTUSERDATA)
            *ret = RST_BITS(lua_touserdata(L, index));
        if (type == LUA_TLIGHTUSERDATA || type == LUA_TNIL)
            return FITS;
        return take_bounded(L, kind, index, ret);
    }
    return NO_INTEGER;
}

/* ---------------------------------------------------------------- what is wrong -- */

#define NAME_SIZE 160

/* The argument as its signature calls it, or "argument 3". */
static void name_argument(const char *signature, int index, char *ret)
{
    const char *text = signature;

    for (int i = 0; i < index; i++)
        text = next_argument(text);
    text += word(text);
    if (*text == ' ')
        snprintf(ret, NAME_SIZE, "%.*s", (int)word(text + 1), text + 1);
    else
        snprintf(ret, NAME_SIZE, "argument %d", index + 1);
}

/* tostring() of the value: the program's own, which may raise an error, or be gone. */
static int text_of(lua_State *L)
{
    lua_getglobal(L, "tostring");
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

/* A value in a message: short, whatever it is. */
static const char *describe(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        return "a string";
    case LUA_TNUMBER:
        lua_pushvalue(L, index); /* lua_tostring() changes the value itself */
        return lua_tostring(L, -1);
    case LUA_TNIL:
        return "nil";
    case LUA_TBOOLEAN:
        return lua_toboolean(L, index) ? "true" : "false";
    default:
        lua_pushcfunction(L, text_of);
        lua_pushvalue(L, index);
        if (lua_pcall(L, 1, 1, 0) == LUA_OK && lua_tostring(L, -1))
            return lua_tostring(L, -1);
        return luaL_typename(L, index);
    }
}

static const char *article(const char *noun)
{
    return strchr("aeio", *noun) ? "an" : "a";
}

static void push_wrong(lua_State *L, const struct kind *kind, const char *signature, int argument,
                       int index, enum integer_status status)
{
    char name[NAME_SIZE];
    const char *value = describe(L, index);

    name_argument(signature, argument, name);
    if (status == OUT_OF_RANGE)
        push_problem(L, "range", "%s is %s %s: %s is out of range (%" PRId64 " to %" PRIu64 ")",
                     name, article(kind->name), kind->name, value, kind->min, kind->max);
    else
        push_problem(L, "type", "%s is %s %s, which takes %s: %s is not one", name,
                     article(kind->name), kind->name, taken[kind->takes], value);
}

/* The probe's signature, which its uservalue keeps, at the top of the stack. */
static const char *push_signature(lua_State *L, int probe_index)
{
    lua_getuservalue(L, probe_index);
    lua_getfield(L, -1, "signature");
    return lua_tostring(L, -1);
}

int take_values(lua_State *L, const struct probe *probe, int first, uint64_t *ret_bits)
{
    for (int i = 0; i < probe->count; i++) {
        const struct kind *kind = &kinds[probe->kinds[i]];
        enum integer_status status = take_value(L, kind, first + i, &ret_bits[i]);

        if (status != FITS) {
            push_wrong(L, kind, push_signature(L, 1), i, first + i, status);
            return i;
        }
    }
    return NO_VALUE;
}

void push_arity(lua_State *L, int probe_index, const struct probe *probe, int given)
{
    const char *signature = push_signature(L, probe_index), *name;

    lua_getfield(L, -2, "name");
    name = lua_tostring(L, -1);
    if (probe->count == 0)
        push_problem(L, "arity", "%s takes no arguments: %d given", name, given);
    else
        push_problem(L, "arity", "%s takes %d argument%s (%s): %d given", name, probe->count,
                     probe->count == 1 ? "" : "s", signature, given);
}
