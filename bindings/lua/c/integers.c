/* SPDX-License-Identifier: MIT */
/*
 * Integers that Lua's own numbers cannot hold: from 2^53 on in Lua 5.1 and 5.2, whose numbers are
 * doubles, and from 2^63 on in 5.3 and 5.4. (LuaJIT has 64-bit integers of its own: lua/rst/jit.lua
 * makes those of what is made here.)
 */
/*** @submodule rst */
#include "objects.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define CLASS "rst.integer"

/* Doubles hold every integer up to here. */
#define EXACT (UINT64_C(1) << 53)

#define TWO_TO_63 9223372036854775808.0
#define TWO_TO_64 18446744073709551616.0

const char integer_tag;
const char decode_cdata, make_cdata;

/* Without floor(), a call that most numbers don't need. */
static enum integer_status take_double(double number, struct integer *ret)
{
    if (number >= -TWO_TO_63 && number < TWO_TO_63) {
        ret->bits = (uint64_t)(int64_t)number;
        ret->negative = number < 0;
        return (double)(int64_t)number == number ? FITS : NO_INTEGER;
    }
    if (!isfinite(number))
        return NO_INTEGER;
    ret->bits = number < TWO_TO_64 ? (uint64_t)(number - TWO_TO_63) + (UINT64_C(1) << 63) : 0;
    ret->negative = false;
    return number > 0 && number < TWO_TO_64 ? FITS : OUT_OF_RANGE;
}

/* jit.lua's decoder gives whether it has a sign, and a cdata of 64 bits, or a number, or nil. */
static enum integer_status take_cdata(lua_State *L, int index, bool pointers, struct integer *ret)
{
    enum integer_status status = NO_INTEGER;
    int top = lua_gettop(L);

    lua_rawgetp(L, LUA_REGISTRYINDEX, &decode_cdata);
    if (lua_isnil(L, -1)) {
        lua_settop(L, top);
        return NO_INTEGER;
    }
    lua_pushvalue(L, index);
    lua_pushboolean(L, pointers);
    lua_call(L, 2, 2);
    if (lua_type(L, -1) == TYPE_CDATA) {
        memcpy(&ret->bits, lua_topointer(L, -1), sizeof(ret->bits));
        ret->negative = lua_toboolean(L, -2) && (int64_t)ret->bits < 0;
        status = FITS;
    } else if (lua_type(L, -1) == LUA_TNUMBER) {
        status = take_double(lua_tonumber(L, -1), ret);
    }
    lua_settop(L, top);
    return status;
}

/* Where Lua has integers, those, and the floats that are the same. */
static bool take_number(lua_State *L, int index, struct integer *ret)
{
#if LUA_VERSION_NUM >= 503
    int is_integer;
    int64_t number = (int64_t)lua_tointegerx(L, index, &is_integer);

    ret->bits = (uint64_t)number;
    ret->negative = number < 0;
    return is_integer;
#else
    (void)L, (void)index, (void)ret;
    return false;
#endif
}

enum integer_status take_integer(lua_State *L, int index, bool pointers, struct integer *ret)
{
    const struct integer *integer;

    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        if (take_number(L, index, ret))
            return FITS;
        return take_double(lua_tonumber(L, index), ret);
    case LUA_TUSERDATA:
        integer = test_object(L, index, &integer_tag, sizeof(*integer));
        if (!integer)
            return NO_INTEGER;
        *ret = *integer;
        return FITS;
    case TYPE_CDATA:
        return take_cdata(L, index, pointers, ret);
    default:
        return NO_INTEGER;
    }
}

static bool fits_number(struct integer value)
{
#if LUA_VERSION_NUM >= 503
    return value.negative || value.bits <= INT64_MAX;
#else
    return (value.negative ? -value.bits : value.bits) <= EXACT;
#endif
}

/* As a number of Lua's if one holds it exactly, else as LuaJIT's cdata, else as a userdata. */
static void push_integer(lua_State *L, struct integer value, bool is_signed)
{
    struct integer *integer;

    if (fits_number(value)) {
        lua_pushinteger(L, (lua_Integer)(int64_t)value.bits);
        return;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &make_cdata);
    integer = new_object(L, CLASS, &integer_tag, sizeof(*integer));
    integer->bits = value.bits;
    integer->negative = value.negative;
    if (lua_isnil(L, -2))
        return;
    lua_pushboolean(L, is_signed);
    lua_call(L, 2, 1);
}

static int integer_tostring(lua_State *L)
{
    const struct integer *integer = test_object(L, 1, &integer_tag, sizeof(*integer));
    char text[32];

    if (!integer)
        return luaL_error(L, "tostring of an integer of rst wants one");
    if (integer->negative)
        snprintf(text, sizeof(text), "%" PRId64, (int64_t)integer->bits);
    else
        snprintf(text, sizeof(text), "%" PRIu64, integer->bits);
    lua_pushstring(L, text);
    return 1;
}

static int integer_equals(lua_State *L)
{
    const struct integer *one = test_object(L, 1, &integer_tag, sizeof(*one));
    const struct integer *other = test_object(L, 2, &integer_tag, sizeof(*other));

    lua_pushboolean(L,
                    one && other && one->bits == other->bits && one->negative == other->negative);
    return 1;
}

/* A sign and digits, or a sign, 0x and digits; nothing else. */
static enum integer_status parse(const char *text, size_t length, struct integer *ret)
{
    bool minus = *text == '-';
    const char *digit = text + (minus || *text == '+');
    unsigned base = digit[0] == '0' && (digit[1] == 'x' || digit[1] == 'X') ? 16 : 10;
    uint64_t bits = 0;
    bool over = false;

    digit += base == 16 ? 2 : 0;
    if (digit == text + length)
        return NO_INTEGER;
    for (; digit < text + length; digit++) {
        static const char digits[] = "0123456789abcdef";
        const char *found = *digit ? strchr(digits, *digit | (*digit >= 'A' ? 0x20 : 0)) : NULL;
        unsigned value = found ? (unsigned)(found - digits) : base;

        if (value >= base)
            return NO_INTEGER;
        over |= __builtin_mul_overflow(bits, base, &bits);
        over |= __builtin_add_overflow(bits, value, &bits);
    }
    ret->negative = minus && bits > 0;
    ret->bits = minus ? -bits : bits;
    if (over || (ret->negative && bits > UINT64_C(1) << 63))
        return OUT_OF_RANGE;
    return FITS;
}

static int make_integer(lua_State *L, const char *type, int64_t min, uint64_t max)
{
    struct integer value = {.tag = &integer_tag};
    enum integer_status status;
    const char *text;
    size_t length;

    luaL_checkany(L, 1);
    if (lua_type(L, 1) == LUA_TSTRING) {
        text = lua_tolstring(L, 1, &length);
        status = parse(text, length, &value);
    } else {
        status = take_integer(L, 1, false, &value);
        text = lua_type(L, 1) == LUA_TNUMBER ? lua_tostring(L, 1) : luaL_typename(L, 1);
    }
    if (status == NO_INTEGER) {
        push_problem(L, "type", "'%s' is not an integer, in decimal or as 0x1f", text);
        return lua_error(L);
    }
    if (status == FITS && (value.negative ? (int64_t)value.bits >= min : value.bits <= max)) {
        push_integer(L, value, min < 0);
        return 1;
    }
    push_problem(L, "range", "%s is out of the range of %s (%" PRId64 " to %" PRIu64 ")", text,
                 type, min, max);
    return lua_error(L);
}

/***
An integer of 64 bits with a sign, for arguments that Lua's numbers cannot hold.

Lua 5.1, 5.2 and LuaJIT have doubles, which hold no integer beyond 2^53 exactly. Lua 5.3 and 5.4
need this only for text.
@function int64
@tparam string|number value decimal (`"-9223372036854775808"`), hexadecimal (`"0xff"`), or a number
@return a number if one holds it exactly. Else LuaJIT gives a cdata `int64_t`, and Lua 5.1 and 5.2 a
userdata, which can be fired, compared by `==`, and printed.
@raise `type` if it isn't an integer, `range` if 64 bits can't hold it
*/
int make_int64(lua_State *L)
{
    return make_integer(L, "int64", INT64_MIN, INT64_MAX);
}

/***
An integer of 64 bits without a sign. Every Lua needs it from 2^63 on.
@function uint64
@tparam string|number value decimal (`"18446744073709551615"`), hexadecimal, or a number
@return as @{int64}; in LuaJIT a cdata `uint64_t` where a number can't hold it
@raise `type` if it isn't an integer, `range` if it is negative or beyond 2^64 - 1
*/
int make_uint64(lua_State *L)
{
    return make_integer(L, "uint64", 0, UINT64_MAX);
}

void open_integers(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__tostring", integer_tostring},
        {"__eq", integer_equals},
        {NULL, NULL},
    };

    luaL_newmetatable(L, CLASS);
    luaL_setfuncs(L, metamethods, 0);
    lua_pop(L, 1);
}
