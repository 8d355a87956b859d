-- SPDX-License-Identifier: MIT
--
-- LuaJIT compiles enabled() and fire(), and what it compiles reads the semaphore each time: it notices
-- a tracer that comes, and one that goes, while a loop runs that never leaves its compiled code.

local check = require "check"
local ffi = require "ffi"
local rst = require "rst"
local util = require "jit.util"
local vmdef = require "jit.vmdef"

local equal, test = check.equal, check.test

local function loaded(signature)
  local provider = rst.provider(check.name())
  local probe = provider:probe("probe", signature)
  assert(provider:load())
  return probe
end

-- The traces that are compiled while `body` runs, and why others weren't.
local function compiled(body)
  local traces, aborts = {}, {}
  local function note(what, trace, _, _, reason)
    if what == "stop" then
      traces[#traces + 1] = trace
    elseif what == "abort" then
      aborts[#aborts + 1] = type(reason) == "number" and vmdef.traceerr[reason] or tostring(reason)
    end
  end
  jit.flush()
  jit.attach(note, "trace")
  body()
  jit.attach(note)
  return traces, aborts
end

-- The instructions of a trace, by name; and where its loop begins.
local function instructions(trace)
  local names, loop = {}, nil
  for i = 1, util.traceinfo(trace).nins do
    local _, ot = util.traceir(trace, i)
    local op = bit.rshift(ot, 8)
    names[i] = vmdef.irnames:sub(op * 6 + 1, op * 6 + 6):match "%S+"
    loop = names[i] == "LOOP" and i or loop
  end
  return names, loop
end

-- How often the loop of a trace has an instruction. A trace without a loop is an error.
local function in_loop(trace, wanted)
  local names, loop = instructions(trace)
  local count = 0
  for i = assert(loop, "the trace isn't a loop"), #names do
    count = count + (names[i] == wanted and 1 or 0)
  end
  return count
end

-- The loops that LuaJIT makes of that function. How many it takes depends on where in memory things are:
-- that decides what shares a counter.
local function compiled_loops(body)
  local traces, aborts = compiled(body)
  local found = {}
  for _, trace in ipairs(traces) do
    if select(2, instructions(trace)) then
      found[#found + 1] = trace
    end
  end
  equal(#found > 0, true, aborts[1] or "compiled loops")
  return found
end

test("a plain read of memory is moved out of a loop", function()
  local cell = ffi.new "uint32_t[1]"
  local semaphore = ffi.cast("const volatile uint32_t *", cell)
  local traces = compiled_loops(function()
    local n = 0
    for _ = 1, 1000 do
      if semaphore[0] ~= 0 then
        n = n + 1
      end
    end
  end)
  -- If there is one, this LuaJIT heeds `volatile`, and lua/rst/jit.lua may be simpler.
  equal(in_loop(traces[1], "XLOAD"), 0)
end)

local function has_guard(trace)
  local names, loop = instructions(trace)
  local barrier
  for i = assert(loop, "the trace isn't a loop"), #names do
    barrier = names[i] == "XBAR" and i or barrier
    if names[i] == "XLOAD" and barrier and names[i + 1] == "XLOAD" then
      return true
    end
  end
  return false
end

-- Loops that fire or ask. `go` is true while they shall go on.
local loops = {
  ["enabled()"] = function(probe, go)
    local n = 0
    while probe:enabled() ~= go do
      n = n + 1
    end
    return n
  end,
  ["fire() with values"] = function(probe, go)
    local n = 0
    while probe:fire(n, "name") ~= go do
      n = n + 1
    end
    return n
  end,
  ["fire() with a function"] = function(probe, go)
    local n = 0
    local function values()
      return n, "name"
    end
    while probe:fire(values) ~= go do
      n = n + 1
    end
    return n
  end,
  ["a loop in a loop"] = function(probe, go)
    local n = 0
    repeat
      local seen = not go
      for _ = 1, 100 do
        seen = probe:enabled()
        n = n + 1
      end
    until seen == go
    return n
  end,
  ["a probe in a table, and stores beside it"] = function(probe, go)
    local object = {probe = probe, sums = ffi.new "uint32_t[8]"}
    local n = 0
    while object.probe:enabled() ~= go do
      object.sums[n % 8] = n
      n = n + 1
    end
    return n
  end,
  ["a branch that is compiled later"] = function(probe, go)
    local n = 0
    repeat
      local seen
      if n % 3 == 0 then
        seen = probe:fire(n, nil)
      elseif n % 3 == 1 then
        seen = probe:enabled()
      else
        seen = probe:fire(n, "other")
      end
      n = n + 1
    until seen == go
    return n
  end,
  ["two probes in turns"] = function(probe, go)
    local other = loaded "uint64 n, string name"
    local n = 0
    while probe:enabled() ~= go and not other:enabled() do
      n = n + 1
    end
    return n
  end,
  ["a recursion"] = function(probe, go)
    local function descend(depth)
      if depth == 0 or probe:enabled() == go then
        return 0
      end
      return 1 + descend(depth - 1)
    end
    local n = 0
    repeat
      n = n + descend(20)
    until probe:enabled() == go
    return n
  end,
}

for name, loop in pairs(loops) do
  test(name .. " notices a tracer that comes", function()
    local probe = loaded "uint64 n, string name"
    local n
    local traces = compiled(function()
      check.watch_later(probe)
      n = loop(probe, true)
    end)
    equal(#traces > 0, true, "compiled")
    equal(probe:enabled(), true)
    equal(n > 1000, true, n)
  end)
end

for _, name in ipairs {"enabled()", "a loop in a loop", "a probe in a table, and stores beside it"} do
  test(name .. " notices a tracer that goes", function()
    local probe = loaded "uint64 n, string name"
    local tracer = check.watch(probe)
    local n
    local traces = compiled(function()
      tracer:close_later()
      n = loops[name](probe, false)
    end)
    equal(#traces > 0, true, "compiled")
    equal(probe:enabled(), false)
    equal(n > 1000, true, n)
  end)
end

-- One probe for each form, because a trace is for one.
local forms = {
  ["enabled()"] = {"int32 a, string b", function(probe)
    return probe:enabled()
  end},
  ["fire() of every type"] = {
    "int8, uint8, int16, uint16, int32, uint32, int64, uint64, float, double, bool, string",
    function(probe, i)
      return probe:fire(1, 2, 3, 4, 5, 6, i, i, 0.5, i / 2, true, "text")
    end,
  },
  ["fire() of nil"] = {"string, pointer, bool", function(probe)
    return probe:fire(nil, nil, nil)
  end},
  ["fire() of a cdata"] = {"int64, uint64", function(probe)
    return probe:fire(1LL, 2ULL)
  end},
  ["fire() of nothing"] = {"", function(probe)
    return probe:fire()
  end},
  ["fire() of a function"] = {"int32 a", function(probe)
    return probe:fire(print)
  end},
}

for name, form in pairs(forms) do
  test(name .. " reads the semaphore each time, and is compiled", function()
    local probe, call = loaded(form[1]), form[2]
    local traces = compiled_loops(function()
      local n = 0
      for i = 1, 1000 do
        if call(probe, i) then
          n = n + 1
        end
      end
    end)
    for _, trace in ipairs(traces) do
      equal(has_guard(trace), true)
      equal(in_loop(trace, "CNEW") + in_loop(trace, "CNEWI") + in_loop(trace, "TNEW"), 0, "allocations")
      equal(in_loop(trace, "CALLXS") + in_loop(trace, "CALLL"), 0, "calls")
    end
  end)
end

test("values that don't fit are errors in a compiled loop, too", function()
  local probe = loaded "int8 a"
  local wrong = 0
  for i = 1, 1000 do
    local ok, problem = pcall(probe.fire, probe, i)
    if not ok then
      wrong = wrong + 1
      equal(problem.kind, "range")
    end
  end
  equal(wrong, 1000 - 127)
end)

test("a provider that is closed and another that is loaded are noticed", function()
  local probe = loaded "int8 a"
  local tracer = check.watch(probe)
  local fired = 0
  for i = 1, 2000 do
    if i == 1000 then
      probe:provider():close()
    end
    if probe:fire(1) then
      fired = fired + 1
    end
  end
  equal(fired, 999)
  equal(tracer:close(), 999)
end)

test("probes that go are forgotten", function()
  local provider = rst.provider(check.name())
  provider:load()
  collectgarbage()
  collectgarbage()
  local before = collectgarbage "count"
  for i = 1, 500 do
    provider:probe("probe" .. i, "int8 a")
  end
  collectgarbage()
  collectgarbage()
  equal(collectgarbage "count" - before < 100, true, collectgarbage "count" - before)
end)

check.finish()
