-- SPDX-License-Identifier: MIT
--
-- What a watched probe does. The driver watches, from another process.

local check = require "check"
local rst = require "rst"
local testing = require "rst_testing"

local equal, matches, raises, test, watch = check.equal, check.matches, check.raises, check.test, check.watch

local unpack = table.unpack or unpack

local function loaded(signature)
  local provider = rst.provider(check.name())
  local probe = provider:probe("probe", signature)
  assert(provider:load())
  return probe
end

-- Catch what goes to onerror() while `body` runs.
local function errors(body)
  local caught = {}
  rst.onerror(function(probe, problem)
    caught[#caught + 1] = {probe = probe, problem = problem}
  end)
  body()
  rst.onerror(nil)
  return caught
end

test("each fire is a hit", function()
  local probe = loaded "uint64 order, string customer"
  equal(probe:enabled(), false)
  equal(probe:fire(1, "Ada"), false)
  local tracer = watch(probe)
  equal(probe:enabled(), true)
  equal(probe:fire(2, "Grace"), true)
  equal(probe:fire(3, nil), true)
  equal(probe:fire(function() return 4, "Ada" end), true)
  equal(tracer:hits(), 3)
  raises("type", "customer", probe.fire, probe, 5, 5)
  raises("arity", "0 given", probe.fire, probe)
  equal(tracer:close(), 3)
  equal(probe:enabled(), false)
  equal(probe:fire(6, "Ada"), false)
end)

test("a function runs only while somebody watches", function()
  local probe, runs = loaded "int8", 0
  local function value()
    runs = runs + 1
    return runs
  end
  equal(probe:fire(value), false)
  equal(runs, 0)
  local tracer = watch(probe)
  equal(probe:fire(value), true)
  equal(runs, 1)
  tracer:close()
  probe:fire(value)
  equal(runs, 1)
end)

test("what a function returns for a probe without arguments is ignored", function()
  local probe = loaded ""
  local tracer = watch(probe)
  equal(probe:fire(function() return 1, 2, 3 end), true)
  equal(probe:fire(), true)
  equal(tracer:close(), 2)
end)

test("what goes wrong in a function goes to onerror", function()
  local probe = loaded "int8 a, string b"
  local tracer = watch(probe)
  local object = {}
  local caught = errors(function()
    equal(probe:fire(function() error "broken" end), false)
    equal(probe:fire(function() error(object) end), false)
    equal(probe:fire(function() return 128, "x" end), false)
    equal(probe:fire(function() return 1 end), false)
    equal(probe:fire(function() end), false)
    equal(probe:fire(function() return 1, 2 end), false)
    equal(probe:fire(function() return unpack({}, 1, 200) end), false)
    equal(probe:fire(function() return 1, "x" end), true)
  end)
  equal(tracer:close(), 1)
  equal(#caught, 7)
  equal(caught[1].probe, probe)
  matches(caught[1].problem, "fire_test.lua:%d+: broken")
  equal(caught[2].problem, object)
  equal(caught[3].problem.kind, "range")
  matches(caught[3].problem, "fire_test.lua:%d+: a is an int8: 128 is out of range")
  for i, given in pairs {[4] = 1, [5] = 0, [7] = 200} do
    equal(caught[i].problem.kind, "arity")
    matches(caught[i].problem, given .. " given")
  end
  equal(caught[6].problem.kind, "type")
end)

test("an error handler that fails is ignored", function()
  local probe = loaded "int8"
  local tracer = watch(probe)
  local calls = 0
  rst.onerror(function()
    calls = calls + 1
    error "worse"
  end)
  equal(probe:fire(error), false)
  equal(probe:fire(error), false)
  rst.onerror(nil)
  equal(calls, 2)
  tracer:close()
  raises("type", "onerror%(%) takes a function or nil, not string", rst.onerror, "x")
end)

test("without a handler, the first failure of a probe is printed", function()
  local one, two = loaded "int8", loaded "int8"
  local tracers = {watch(one), watch(two)}
  local said = testing.capture(function()
    for i = 1, 3 do
      one:fire(function() error("broken " .. i, 0) end)
      two:fire(function() return 300 end)
    end
  end)
  equal(select(2, said:gsub("\n", "")), 2, said)
  matches(said, ("rst: %s: a function that was fired failed: broken 1\n"):format(tostring(one)))
  matches(said, ("rst: %s: a function that was fired failed: [^\n]*: 300 is out of range"):format(tostring(two)))
  tracers[1]:close()
  tracers[2]:close()
end)

test("a program that has replaced tostring() sees an error's type", function()
  local probe, real = loaded "int8", tostring
  local tracer = watch(probe)
  local said = testing.capture(function()
    rawset(_G, "tostring", nil)
    probe:fire(error)
    rawset(_G, "tostring", real)
  end)
  matches(said, "rst: userdata: a function that was fired failed: nil")
  tracer:close()
end)

test("a function may close the provider", function()
  local probe = loaded "int8"
  watch(probe)
  equal(probe:fire(function()
    probe:provider():close()
    return 1
  end), false)
  equal(probe:enabled(), false)
end)

test("a function may fire", function()
  local outer, inner = loaded "int8", loaded "int8"
  local outside, inside = watch(outer), watch(inner)
  equal(outer:fire(function()
    return inner:fire(function() return 1 end) and 2 or 300
  end), true)
  equal(outside:close() + inside:close(), 2)
end)

test("strings live until the tracer has seen them", function()
  local probe = loaded "string a, string b"
  local tracer = watch(probe)
  for i = 1, 200 do
    equal(probe:fire(function()
      local one, other = ("a"):rep(i), ("b"):rep(i)
      collectgarbage()
      return one, other
    end), true)
  end
  equal(tracer:close(), 200)
end)

test("a stack that is full harms nothing", function()
  local probe, fires, depth = loaded "int8", 0, 0
  local tracer = watch(probe)
  local function value()
    return 1
  end
  local function descend()
    depth = depth + 1
    fires = fires + (probe:fire(value) and 1 or 0)
    return 1 + descend()
  end
  rst.onerror(function() end) -- of a function that has no stack left
  local ok, problem = pcall(descend)
  rst.onerror(nil)
  equal(ok, false)
  -- The second is what Lua 5.1 says if a pcall() has caught the first overflow.
  equal(problem:find "overflow" ~= nil or problem == "error in error handling", true, problem)
  equal(fires > 0 and fires <= depth, true)
  equal(tracer:close(), fires)
end)

test("coroutines fire", function()
  local probe = loaded "int8"
  local tracer = watch(probe)
  local routine = coroutine.wrap(function()
    for i = 1, 3 do
      probe:fire(i)
      coroutine.yield(probe:fire(function() return i end))
    end
  end)
  for _ = 1, 3 do
    equal(routine(), true)
  end
  equal(tracer:close(), 6)
end)

test("a function can't yield", function()
  local probe = loaded "int8"
  local tracer = watch(probe)
  local caught
  local routine = coroutine.create(function()
    caught = errors(function()
      probe:fire(function() return coroutine.yield(1) end)
    end)
    return "ended"
  end)
  local _, result = coroutine.resume(routine)
  equal(result, "ended")
  equal(#caught, 1)
  matches(caught[1].problem, "yield")
  equal(tracer:close(), 0)
end)

test("the lack of memory is raised", function()
  local probe = loaded "string"
  local tracer = watch(probe)
  local caught = errors(function()
    local ok, problem = pcall(probe.fire, probe, function()
      return jit and ("x"):rep(0x7fffffff) or testing.exhaust()
    end)
    equal(ok, false)
    matches(problem, "not enough memory")
  end)
  equal(#caught, 0)
  tracer:close()
end)

test("an unload hides a watched probe, a load brings it back", function()
  local probe = loaded "int8"
  local tracer = watch(probe)
  equal(probe:provider():unload(), true)
  equal(probe:enabled(), false)
  equal(probe:fire(1), false)
  equal(probe:provider():load(), true)
  equal(probe:enabled(), true)
  equal(probe:fire(1), true)
  equal(tracer:close(), 1)
end)

test("a forked child fires", function()
  local probe = loaded "int8"
  local path = probe:path()
  local child = testing.fork()
  if child == 0 then
    local ok = probe:path() ~= path and probe:fire(1) == false and probe:provider():unload() and
      probe:provider():load() and rst.provider(check.name()):probe "x":fire() == false
    testing.leave(ok and 0 or 1)
  end
  equal(testing.wait(child), 0)
  equal(probe:path(), path)
end)

test("a forked child of a watched program fires", function()
  local probe = loaded "int8"
  local tracer = watch(probe)
  local child = testing.fork()
  if child == 0 then
    local ok = probe:fire(1) and probe:fire(function() return 2 end)
    testing.leave(ok and 0 or 1)
  end
  equal(testing.wait(child), 0)
  equal(probe:fire(3), true)
  equal(tracer:close(), 3)
end)

test("a child that ends leaves its parent's probes", function()
  local probe = loaded "int8"
  local child = testing.fork()
  if child == 0 then
    probe:provider():close()
    collectgarbage()
    testing.leave(0)
  end
  equal(testing.wait(child), 0)
  equal(probe:provider():loaded(), true)
  local tracer = watch(probe)
  equal(probe:fire(1), true)
  equal(tracer:close(), 1)
end)

check.finish()
