-- SPDX-License-Identifier: MIT
--
-- What fits and what doesn't is in tests/conformance. Here is what is Lua's own.

local check = require "check"
local rst = require "rst"
local testing = require "rst_testing"

local equal, matches, raises, test = check.equal, check.matches, check.raises, check.test

local function probe(signature)
  return rst.provider(check.name()):probe("probe", signature)
end

local function fits(signature, ...)
  equal(probe(signature):fire(...), false, signature)
end

local exact = rst.int64 "9007199254740993" -- 2^53 + 1, which no double is
local largest = rst.uint64 "18446744073709551615"

test("numbers are integers if their value is one", function()
  fits("int32", 3.0)
  fits("uint64", 2 ^ 63)
  fits("int64", -2 ^ 63)
  fits("int64", -0.0)
  raises("type", "takes an integer: 0.5 is not one", fits, "int8", 0.5)
  raises("type", "an integer", fits, "int64", 1 / 0)
  raises("type", "an integer", fits, "int64", 0 / 0)
  raises("range", "is out of range %(0 to 18446744073709551615%)", fits, "uint64", 2 ^ 64)
  raises("range", "is out of range", fits, "int64", 2 ^ 63)
  raises("range", "is out of range", fits, "int64", -2 ^ 64)
end)

test("integers of text are exact", function()
  equal(tostring(exact):match "%d+", "9007199254740993")
  equal(tostring(rst.int64 "-9223372036854775808"):match "%-%d+", "-9223372036854775808")
  equal(tostring(largest):match "%d+", "18446744073709551615")
  equal(largest, rst.uint64 "0xFFFFFFFFFFFFFFFF")
  equal(largest == rst.uint64 "18446744073709551614", false)
  equal(rst.int64 "-0x10", -16)
  equal(rst.uint64 "+7", 7)
  equal(rst.uint64(12), 12)
  equal(rst.uint64(largest), largest)
  equal(type(rst.uint64 "9007199254740992"), "number")
end)

test("only the text of an integer makes one", function()
  for _, text in ipairs {"", "-", "0x", "0xg", "12x", " 1", "1 ", "1.0", "1e3", "--1", "1\0"} do
    raises("type", "is not an integer, in decimal or as 0x1f", rst.int64, text)
  end
  raises("type", "'table' is not an integer", rst.uint64, {})
  raises("type", "'nil' is not an integer", rst.uint64, nil)
  raises("type", "'0.5' is not an integer", rst.uint64, 0.5)
  raises("range", "^.*values_test.lua:%d+: 18446744073709551616 is out of the range of uint64", function()
    return (rst.uint64 "18446744073709551616")
  end)
  raises("range", "of uint64", rst.uint64, "-1")
  raises("range", "of int64", rst.int64, "9223372036854775808")
  raises("range", "of int64", rst.int64, "-9223372036854775809")
  raises("range", "of int64", rst.int64, ("9"):rep(40))
  equal(pcall(rst.int64), false)
end)

test("such integers can be fired", function()
  fits("int64, uint64", exact, largest)
  fits("double, float", exact, largest)
  fits("pointer", largest)
  raises("range", "18446744073709551615", fits, "int64", largest)
  raises("range", "9007199254740993", fits, "uint32", exact)
  raises("type", "takes a string or nil", fits, "string", exact)
end)

test("pointers are integers, light userdata or nil", function()
  fits("pointer, pointer, pointer", 0, testing.address(4096), nil)
  raises("type", "pointer, which takes", fits, "pointer", io.stdout)
  raises("type", "pointer, which takes", fits, "pointer", {})
end)

test("what is false is a false bool", function()
  fits("bool, bool", nil, false)
  raises("type", "takes true, false or nil: 1 is not one", fits, "bool", 1)
end)

test("a function among other values is a wrong one", function()
  raises("type", "takes an integer: function", fits, "int8, int8", print, 1)
  raises("arity", "probe takes 2 arguments %(int8, int8%): 3 given", fits, "int8, int8", 1, 2, 3)
  raises("arity", "probe takes no arguments: 2 given", fits, "", print, 1)
  raises("arity", "probe takes 1 argument %(int8%): 0 given", fits, "int8")
end)

test("a value that can't be shown is named by its type", function()
  local odd = setmetatable({}, {__tostring = function() error "no" end})
  raises("type", "takes an integer: table is not one", fits, "int8", odd)
end)

test("so is one where the program has no tostring(), and globals are strict", function()
  local real, before = tostring, getmetatable(_G)
  local ok, problem
  rawset(_G, "tostring", nil)
  setmetatable(_G, {__index = function() error "no such global" end})
  ok, problem = pcall(fits, "int8", {})
  setmetatable(_G, before)
  rawset(_G, "tostring", real)
  equal(ok, false)
  matches(problem, "takes an integer: table is not one")
end)

test("arguments are called by their names", function()
  raises("type", "^.*values_test.lua:%d+: order is an int8, which", function()
    probe("int8 order"):fire("x")
    return 0
  end)
  raises("type", "argument 2 is a uint8, which", fits, "int8 order, uint8", 1, "x")
  raises("range", "b is a uint8: 256 is out of range %(0 to 255%)", fits, "int8 a, uint8 b", 1, 256)
end)

test("a signature may be a table", function()
  equal(probe {}:signature(), "")
  equal(probe(nil):signature(), "")
  equal(probe {{order = "integer"}, {rate = "number"}, {gift = "boolean"}}:signature(),
    "int64 order, double rate, bool gift")
  equal(probe {"uint8", "string name", {id = "uint64"}}:signature(), "uint8, string name, uint64 id")
  local neither = "argument 1 of the signature is neither"
  raises("invalid", neither, probe, {{a = "int8", b = "int8"}})
  raises("invalid", neither, probe, {{}})
  raises("invalid", neither, probe, {{"int8"}})
  raises("invalid", neither, probe, {{a = 1}})
  raises("invalid", neither, probe, {1})
  raises("invalid", "argument 2 of the signature is neither", probe, {"int8", true})
  raises("invalid", "has 13 arguments; at most 12", probe, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13})
  raises("invalid", "integer", probe, "integer order")
  raises("invalid", "is a list, and has a key that is order: write", probe, {order = "uint64"})
  raises("invalid", "is a list, and has a key that is b: write", probe, {"int8 a", b = "int8"})
  raises("invalid", "is a list, and has a key that is number: write", probe, {[0] = "int8"})
  raises("invalid", "is a list, and has a key that is boolean: write", probe, {[true] = "int8"})
end)

test("names and signatures are text", function()
  raises("invalid", "a name without a NUL", rst.provider)
  raises("invalid", "a name without a NUL", rst.provider, 1)
  raises("invalid", "a name without a NUL", rst.provider, "a\0b")
  raises("invalid", "perhaps a table", rst.provider, "a", "memfd")
  raises("invalid", "the signature of a probe is text without a NUL, not number", probe, 1)
  raises("invalid", "the signature of a probe is text without a NUL, not string", probe, "int8\0")
  local provider = rst.provider(check.name())
  raises("invalid", "the name of a probe is text without a NUL, not nil", provider.probe, provider)
end)

test("options are those that are known", function()
  local name = check.name()
  for _, backing in ipairs {"auto", "memfd", "file"} do
    rst.provider(name, {backing = backing}):close()
  end
  raises("invalid", 'backing is "auto", "memfd" or "file", not disk', rst.provider, name, {backing = "disk"})
  raises("invalid", 'backing is "auto", "memfd" or "file", not boolean', rst.provider, name, {backing = true})
  raises("invalid", "unknown option size", rst.provider, name, {size = 1})
  raises("invalid", "unknown option that isn't text", rst.provider, name, {1})
  raises("invalid", "absolute", rst.provider, name, {backing = "file", directory = "here"})
  local no_text = "directory is an absolute path, text without a NUL, not "
  raises("invalid", no_text .. "boolean", rst.provider, name, {directory = true})
  raises("invalid", no_text .. "number", rst.provider, name, {directory = 1})
  raises("invalid", no_text .. "string", rst.provider, name, {directory = "/tmp\0"})
  raises("invalid", "backing is .*, not string", rst.provider, name, {backing = "file\0"})
end)

test("an error is text, too", function()
  local problem = raises("invalid", "is not a name", rst.provider, "my shop")
  equal("failed: " .. problem, "failed: " .. tostring(problem))
  equal(problem .. "!", tostring(problem) .. "!")
  equal(problem.where .. problem.message, tostring(problem))
  problem.where = nil
  equal(tostring(problem), "an error of librst")
end)

test("methods say on what they were called", function()
  local provider, other = rst.provider(check.name()), rst.provider(check.name())
  local one = provider:probe "probe"
  raises("type", "a provider's method was called on nil: write provider:method", provider.load, nil)
  raises("type", "a provider's method was called on userdata", provider.load, one)
  raises("type", "a provider's method was called on table", provider.probe, {}, "x")
  raises("type", "a probe's method was called on userdata", one.fire, other)
  raises("type", "a probe's method was called on string", one.fire, "x")
  raises("type", "a probe's method was called on table", one.enabled, {})
  raises("type", "a probe's method was called on userdata", one.name, io.stdout)
end)

test("objects show what they are", function()
  local provider = rst.provider(check.name())
  local one = provider:probe("one", "int8 a")
  equal(tostring(provider), provider:name())
  equal(tostring(one), provider:name() .. ":one")
  equal(one:name(), "one")
  equal(one:provider(), provider)
  matches(rst.version, "^%d+%.%d+%.%d+$")
end)

if jit then
  test("cdata are integers and pointers", function()
    local ffi = require "ffi"
    local int64, uint64 = ffi.typeof "int64_t", ffi.typeof "uint64_t"
    fits("int64, uint64, int8", int64(-5), uint64(5), uint64(5))
    fits("int64", ffi.new("int32_t", -5))
    fits("pointer, pointer", ffi.new "char[4]", ffi.cast("void *", 8))
    fits("pointer", ffi.cast("void *", 0))
    fits("double", int64(5))
    raises("range", "%-5", fits, "uint64", int64(-5))
    raises("range", "18446744073709551615", fits, "int64", int64(-1) + uint64(0))
    raises("type", "an integer", fits, "int8", ffi.new("double", 0.5))
    raises("type", "an integer", fits, "int8", ffi.new "struct { int a; }")
    -- A null pointer is equal to nil, but is not nil.
    raises("type", "takes a string or nil", fits, "string", ffi.cast("char *", 0))
    raises("type", "takes true, false or nil", fits, "bool", ffi.cast("void *", 0))
    equal(largest, int64(-1) + uint64(0))
    equal(type(exact), "cdata")
  end)
end

check.finish()
