-- SPDX-License-Identifier: MIT
--
-- Providers and probes: how they begin, how they end, and in which order.

local check = require "check"
local rst = require "rst"
local testing = require "rst_testing"

local equal, matches, raises, test = check.equal, check.matches, check.raises, check.test

local function collect()
  collectgarbage()
  collectgarbage() -- the first only calls finalizers
end

-- How many images of librst this process has mapped.
local function images()
  local count = 0
  for line in io.lines "/proc/self/maps" do
    count = count + (line:find "librst%-.* r%-xp" and 1 or line:find "r%-xp.*librst%-" and 1 or 0)
  end
  return count
end

test("a load shows the probes, an unload hides them", function()
  local provider = rst.provider(check.name())
  local probe = provider:probe "probe"
  equal(provider:loaded(), false)
  equal(probe:path(), nil)
  equal(provider:load(), true)
  equal(provider:loaded(), true)
  matches(probe:path(), "^/proc/%d+/fd/%d+$")
  equal(provider:unload(), true)
  equal(provider:loaded(), false)
  equal(probe:fire(), false)
  equal(provider:load(), true)
  provider:close()
end)

test("probes that are declared later come with the next load", function()
  local provider = rst.provider(check.name())
  local one = provider:probe "one"
  provider:load()
  local two = provider:probe "two"
  equal(two:path(), nil)
  equal(two:fire(), false)
  provider:load()
  matches(two:path(), "^/proc")
  equal(one:enabled(), false)
end)

test("a provider that is closed leaves probes that do nothing", function()
  local provider = rst.provider(check.name())
  local name = provider:name()
  local probe, other = provider:probe("probe", "int8 a"), provider:probe "other"
  provider:load()
  local before = images()
  provider:close()
  equal(images(), before - 1)
  equal(probe:fire(1), false)
  equal(probe:fire(error), false)
  equal(probe:enabled(), false)
  equal(probe:path(), nil)
  equal(probe:signature(), "int8 a")
  equal(tostring(probe), name .. ":probe")
  equal(provider:name(), name)
  equal(provider:loaded(), false)
  raises("arity", "1 argument", probe.fire, probe)
  for _, method in ipairs {"load", "unload", "probe"} do
    raises("closed", "the provider " .. name .. " has been closed", provider[method], provider, "x")
  end
  provider:close()
  equal(other:fire(), false)
  equal(rst.provider(name):probe("probe"):enabled(), false)
end)

test("a probe keeps its provider", function()
  local probe = rst.provider(check.name()):probe "probe"
  probe:provider():load()
  collect()
  matches(probe:path(), "^/proc")
  equal(probe:provider():loaded(), true)
end)

test("what nobody uses goes", function()
  local name, before = check.name(), images()
  collectgarbage "stop"
  do
    local provider = rst.provider(name)
    for i = 1, 10 do
      provider:probe("probe" .. i)
    end
    provider:load()
  end
  equal(images(), before + 1)
  collectgarbage "restart"
  collect()
  equal(images(), before)
  rst.provider(name):probe "probe1"
end)

test("a provider forgets the probes that go, and keeps their names", function()
  local provider = rst.provider(check.name())
  local kept = provider:probe "kept"
  for i = 1, 10 do
    provider:probe("probe" .. i)
    collect()
  end
  equal(provider:load(), true)
  raises("exists", "exists already", provider.probe, provider, "probe1")
  equal(kept:fire(), false)
end)

test("the same name twice is an error", function()
  local provider = rst.provider(check.name())
  provider:probe("probe", "int8 a")
  raises("exists", "exists already", provider.probe, provider, "probe", "int8 a")
  raises("exists", "exists already", function()
    rst.provider(provider:name()):probe "probe"
  end)
end)

test("RST_DISABLE makes a load do nothing", function()
  testing.setenv("RST_DISABLE", "1")
  local provider = rst.provider(check.name())
  local probe = provider:probe("probe", "int8")
  equal(provider:load(), true)
  testing.setenv "RST_DISABLE"
  equal(provider:loaded(), false)
  equal(probe:fire(1), false)
  raises("range", "128", probe.fire, probe, 128)
end)

test("a load that fails is told, and harms nothing", function()
  testing.setenv("RST_BACKING", "disk")
  local provider = rst.provider(check.name())
  local probe = provider:probe("probe", "int8")
  local ok, message, number = provider:load()
  testing.setenv "RST_BACKING"
  equal(ok, nil)
  matches(message, "^RST_BACKING.*disk")
  equal(number, 22)
  equal(probe:fire(1), false)
  equal(provider:load(), true)
end)

test("a backing can be chosen", function()
  local directory = os.getenv "TMPDIR" or "/tmp"
  local provider = rst.provider(check.name(), {backing = "file", directory = directory})
  local probe = provider:probe "probe"
  assert(provider:load())
  equal(probe:path():sub(1, #directory + 8), directory .. "/librst-")
  local file = assert(io.open(probe:path()))
  file:close()
  provider:close()
end)

if _VERSION == "Lua 5.4" then
  test("a variable closes it", function()
    local probe = load [[
      local rst, name = ...
      local provider <close> = rst.provider(name)
      local probe = provider:probe "probe"
      provider:load()
      return probe
    ]](rst, check.name())
    equal(probe:path(), nil)
    raises("closed", "has been closed", probe:provider().load, probe:provider())
  end)
end

-- Finalizers that fire: the state is closed with objects that have been finalized.
local ending = [[
  local rst = require "rst"
  local number = ...
  local function at_end(call)
    if newproxy then
      local object = newproxy(true)
      getmetatable(object).__gc = call
      return object
    end
    return setmetatable({}, {__gc = call})
  end
  local provider, probe
  local function use()
    assert(probe:fire(1) == false or true)
    probe:enabled()
    pcall(provider.load, provider)
    pcall(provider.probe, provider, "late", "int8")
    tostring(probe)
    probe:path()
    provider:close()
  end
  first = at_end(use)
  provider = rst.provider("ending" .. number)
  second = at_end(use)
  probe = provider:probe("probe", "int8")
  third = at_end(use)
  probes, providers = probe, provider
  assert(provider:load())
]]

test("at the end of a state, objects go in any order", function()
  testing.run_states(1, ending)
  for order = 1, 3 do
    testing.run_states(1, ending .. ({" first = nil", " second = nil", " third = nil; collectgarbage()"})[order])
  end
end)

test("a state that is closed unloads its providers", function()
  local before = images()
  testing.run_states(1, [[
    local rst = require "rst"
    kept = rst.provider "closing"
    probe = kept:probe "probe"
    assert(kept:load())
  ]])
  equal(images(), before)
end)

test("states in several threads load and fire at once", function()
  testing.run_states(8, [[
    local number = ...
    local rst = require "rst"
    for i = 1, 20 do
      local provider = rst.provider("thread" .. number)
      local probe = provider:probe("probe", "uint64 i, string name")
      assert(provider:load())
      for j = 1, 200 do
        probe:fire(j, "name")
        probe:fire(function() return j, "name" end)
        assert(not pcall(probe.fire, probe))
      end
      if i % 2 == 0 then
        assert(provider:unload())
      end
      if i % 3 == 0 then
        provider:close()
      else
        provider, probe = nil, nil
        collectgarbage()
        collectgarbage()
      end
    end
  ]])
end)

test("two states can't declare the same probe", function()
  local provider = rst.provider "shared"
  provider:probe "probe"
  testing.run_states(1, [[
    local ok, problem = pcall(function()
      require "rst".provider "shared":probe "probe"
    end)
    assert(not ok and problem.kind == "exists", problem)
  ]])
end)

test("a state without memory loses nothing", function()
  local before = images()
  local runs = testing.starve('rst = require "rst"', [[
    local provider = rst.provider("starved", {backing = "memfd"})
    local probe = provider:probe("probe", {{order = "integer"}, {name = "string"}})
    provider:load()
    probe:fire(1, "name")
    pcall(probe.fire, probe, "x")
    rst.uint64 "18446744073709551615"
    tostring(probe)
    provider:close()
  ]])
  if not runs then
    check.skip "this Lua takes no allocator of a program's"
  end
  equal(runs > 10, true, runs)
  equal(images(), before)
  rst.provider "starved":probe "probe"
end)

check.finish()
