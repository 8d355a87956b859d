-- SPDX-License-Identifier: MIT
--
-- Measures one operation, as run.py tells it on standard input:
--
--     worker.lua OPERATION HOOK FLAVOUR WATCHED
--
-- HOOK is "hook" for a debug.sethook() that sees calls. FLAVOUR says which functions LuaJIT gets: "c",
-- "ffi", or "own" for what the module chooses. It says `ready` and what a tracer attaches to; `fire`
-- runs the operation once, `measure` finds out how often it is run in a round, and each `round` is
-- answered by its nanoseconds, bytes and operations.

local operation, hook, flavour, watched = arg[1], arg[2], arg[3], arg[4]

if flavour == "c" then
  jit.off()
end
local rst = require "rst"
if flavour == "c" then
  jit.on()
elseif flavour == "ffi" then
  jit.off()
  jit.flush()
end
local testing = require "rst_testing"

-- Operations in a row, between which the loop's own cost is shared out; how long a round is, in seconds.
local ROW, ROUND = 20, 0.01

local provider = rst.provider("bench")
local probe = provider:probe("point", "uint64 one, string two")
assert(provider:load())

local function values()
  return 1, "two"
end

local body = ("    %s\n"):format(operation):rep(operation == "" and 0 or ROW)
local text = ([[
local probe, values, c_function, object = ...
local function lua_function() end
return function(rows)
  for _ = 1, rows do
%s  end
end]]):format(body)
local run = assert((loadstring or load)(text))(probe, values, testing.nothing, testing.object())

-- How many rows take about a round; on the way there, a JIT has compiled them.
local function calibrate()
  local rows = 16
  while true do
    local start = os.clock()
    run(rows)
    local took = os.clock() - start
    if took > ROUND then
      return math.max(1, math.floor(rows * ROUND / took))
    end
    rows = rows * 2
  end
end

local function round(rows)
  collectgarbage()
  collectgarbage "stop"
  local bytes, start = collectgarbage "count", os.clock()
  run(rows)
  local took = os.clock() - start
  bytes = (collectgarbage "count" - bytes) * 1024
  collectgarbage "restart"
  return ("%.6f %.3f %d"):format(took * 1e9 / rows / ROW, bytes / rows / ROW, rows * ROW)
end

io.stdout:setvbuf "line"
print("ready " .. (watched == "watched" and probe:path() or ""))
local seen = 0
if hook == "hook" then
  debug.sethook(function() seen = seen + 1 end, "c")
end
local rows
for line in io.lines() do
  if line == "fire" then
    run(1)
    print "fired"
  elseif line == "measure" then
    rows = calibrate()
    print "measured"
  else
    print(round(rows))
  end
end
