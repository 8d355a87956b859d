-- SPDX-License-Identifier: MIT
--
-- LuaJIT's integers of 64 bits; and fire() and enabled() in a form that LuaJIT compiles.
--
-- LuaJIT can't compile the call of a C function that uses Lua's interface: the trace ends before it, and
-- another begins behind it. So what happens while nobody watches is done here, by LuaJIT's FFI. All
-- else, such as an error, is done by the functions in C.
--
-- The kernel changes a semaphore from outside. LuaJIT's compiler doesn't know that, and ignores
-- `volatile`, as its doc/ext_ffi_semantics.html says. It would move a plain read out of a loop, which
-- then never sees a tracer come. lj_opt_fwd_xload() (src/lj_opt_mem.c) gives a read the value of an
-- earlier one, unless there was an XBAR between the two, a call of a C function by the FFI, or a store
-- that may alias. An XBAR comes with each ffi.fill() of a constant length (crec_fill() in
-- src/lj_crecord.c), and no optimization removes one (lj_opt_fold.c emits it as it is). To fill one byte
-- is one store, the cheapest form that has an XBAR; so that comes before each read.
--
-- This is what `luajit -jdump=+im`, with the LuaJIT 2.1 of 2022-03-20 that Debian 12 has, prints of the
-- loop in `for i = 1, 1000 do checkout:fire(i, "Ada") end`. The exits lead to who fires. Without the
-- fill, all of this is before the loop, and none of it in it.
--
--     0043    u8  XSTORE [0x7f18c25a6bb8]  +0     mov byte [r14+0xb858], 0x0
--     0044    nil XBAR
--     0045    p64 XLOAD  0030                     mov rbx, [rdx+0x8]
--     0046    int XLOAD  0045                     cmp dword [rbx], +0x00
--     0047 >  int EQ     0046  +0                 jnz ->7
--
-- What follows looks at the values. test/jit_test.lua reads the compiled code, too, and has loops that
-- must notice a tracer. Other forms were slower: a call of a function in C by the FFI instead of the read
-- (2.2 ns instead of 0.3, for the registers that a call doesn't keep).

local ffi = require "ffi"
local cast, fill, istype, typeof = ffi.cast, ffi.fill, ffi.istype, ffi.typeof
local floor, pcall, select, tonumber, type = math.floor, pcall, select, tonumber, type

-- What struct probe in c/objects.h begins with. It is a reference because the interpreter, where an
-- operation of the FFI takes tens of nanoseconds, then has one less to do. It is signed because a
-- comparison with 0 then needs no conversion.
local probe_pointer = typeof "struct { const void *tag; const volatile int32_t &semaphore; } *"

local integer_pointer = typeof "struct { const void *tag; uint64_t bits; } *"
local int64, uint64, address = typeof "int64_t", typeof "uint64_t", typeof "uintptr_t"
local void_pointer = typeof "void *"

-- What is filled.
local scratch = ffi.new "uint8_t[8]"

-- ------------------------------------------------------------------ signatures --

-- For each type, a condition that holds only for values which fit. It needn't hold for each: C looks at
-- the others. The name of the value takes the place of $. A cdata can be equal to nil: a null pointer is,
-- and what a metatable's __eq says so of.
local function integers(min, comparison, max)
  return ("type($) == 'number' and $ >= %s and $ %s %s and floor($) == $"):format(min, comparison, max)
end

local number = "type($) == 'number'"
local none = "type($) == 'nil'"
local conditions = {
  bool = "type($) == 'boolean' or " .. none,
  int8 = integers("-0x80", "<=", "0x7f"),
  int16 = integers("-0x8000", "<=", "0x7fff"),
  int32 = integers("-0x80000000", "<=", "0x7fffffff"),
  int64 = integers("-0x1p63", "<", "0x1p63") .. " or type($) == 'cdata' and istype(int64, $)",
  uint8 = integers("0", "<=", "0xff"),
  uint16 = integers("0", "<=", "0xffff"),
  uint32 = integers("0", "<=", "0xffffffff"),
  uint64 = integers("0", "<", "0x1p64") .. " or type($) == 'cdata' and istype(uint64, $)",
  float = number,
  double = number,
  pointer = none,
  string = "type($) == 'string' or " .. none,
}

local template = [[
local floor, int64, istype, select, type, uint64 = ...
return function(...)
  if select("#", ...) ~= %d then
    return false
  end
  %s
  return %s
end]]

-- The function that says of values whether they certainly fit.
local function make_check(types)
  local names, tests = {}, {}
  for argument in types:gmatch "%w+" do
    local name = "value" .. #names + 1
    names[#names + 1] = name
    tests[#tests + 1] = "(" .. conditions[argument]:gsub("%$", name) .. ")"
  end
  local declaration = #names > 0 and "local " .. table.concat(names, ", ") .. " = ..." or ""
  local test = #tests > 0 and table.concat(tests, " and ") or "true"
  local text = template:format(#names, declaration, test)
  return assert(loadstring(text, "=rst: " .. types))(floor, int64, istype, select, type, uint64)
end

-- What is known of each probe. The keys are weak, and the values don't lead to them.
local probes = setmetatable({}, {__mode = "k"})

-- Probes whose signatures have the same types share a check, and the traces that contain it.
local checks = {}

-- C calls it for each probe that it has made.
local function admit(probe, signature)
  local types = signature:gsub("(%w+)[^,]*", "%1")
  checks[types] = checks[types] or make_check(types)
  probes[probe] = {check = checks[types], cell = cast(probe_pointer, probe)}
end

-- ------------------------------------------------------------------ values --

-- A cdata as C can read it: whether it has a sign, and 64 bits or a number; or nil.
local function decode(value, pointers)
  if istype(int64, value) then
    return true, value
  elseif istype(uint64, value) then
    return false, value
  elseif tonumber(value) or not pointers then
    return false, tonumber(value)
  end
  local is_pointer, pointer = pcall(cast, void_pointer, value)
  return false, is_pointer and cast(uint64, cast(address, pointer)) or nil
end

-- The cdata for an integer of C's.
local function make_cdata(integer, is_signed)
  return cast(is_signed and int64 or uint64, cast(integer_pointer, integer).bits)
end

-- ------------------------------------------------------------------ methods --

return function(core, compiles)
  if not compiles then
    core.assist(nil, decode, make_cdata)
    return
  end
  local methods = core.assist(admit, decode, make_cdata)
  local fire_in_c, enabled_in_c = methods.fire, methods.enabled

  function methods.enabled(self)
    local probe = probes[self]
    if not probe then
      return enabled_in_c(self)
    end
    fill(scratch, 1)
    return probe.cell.semaphore ~= 0
  end

  function methods.fire(self, ...)
    local probe = probes[self]
    if probe then
      fill(scratch, 1)
      if probe.cell.semaphore == 0 then
        if probe.check(...) or select("#", ...) == 1 and type((...)) == "function" then
          return false
        end
      end
    end
    return fire_in_c(self, ...)
  end
end
