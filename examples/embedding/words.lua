-- SPDX-License-Identifier: MIT
-- A script for lua-host: the first word of a line says what to do with the rest.

local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

local function reversed(words)
  return words:reverse()
end

local commands = {}

function commands.fib(words) return fib(tonumber(words)) end
function commands.reverse(words) return reversed(words) end
function commands.rep(words) return #string.rep("x", tonumber(words)) end
function commands.fail(words) error(words) end
function commands.collect() collectgarbage() return "collected" end

function commands.coroutine(words)
  local steps = coroutine.wrap(function() for n = 1, tonumber(words) do coroutine.yield(fib(n)) end end)
  local sum = 0
  for _ = 1, tonumber(words) do sum = sum + steps() end
  return sum
end

collectgarbage("stop") -- but for the command

function on_line(line)
  local command, words = line:match("^(%w+) ?(.*)$")
  local answer = commands[command](words)
  return answer
end
