-- SPDX-License-Identifier: MIT
--
-- The subject of tests/conformance: it does what it is told on standard input.

local rst = require "rst"

local unpack = table.unpack or unpack

local provider
local probes = {}

local function unquoted(text)
  return (text:gsub("%%(%x%x)", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

-- How a word's letter makes a value of its text.
local makers = {
  i = function(text)
    return text:sub(1, 1) == "-" and rst.int64(text) or rst.uint64(text)
  end,
  d = function(text)
    return ({inf = 1 / 0, ["-inf"] = -1 / 0, nan = 0 / 0})[text] or tonumber(text)
  end,
  s = unquoted,
  b = function(text)
    return text == "true"
  end,
  n = function()
    return nil
  end,
}

-- Values, of which some may be nil, and how many they are.
local function values(words)
  local list = {}
  for i, word in ipairs(words) do
    list[i] = makers[word:sub(1, 1)](word:sub(3))
  end
  return list, #words
end

local commands = {}

function commands.provider(name)
  provider = rst.provider(name)
end

function commands.add(name, signature)
  probes[name] = provider:probe(name, signature)
end

function commands.load()
  assert(provider:load())
end

function commands.unload()
  assert(provider:unload())
end

function commands.path(name)
  return probes[name]:path()
end

function commands.enabled(name)
  return probes[name]:enabled()
end

function commands.fire(name, ...)
  local list, count = values {...}
  probes[name]:fire(unpack(list, 1, count))
end

function commands.lazy(name, ...)
  local words, runs = {...}, 0
  probes[name]:fire(function()
    runs = runs + 1
    local list, count = values(words)
    return unpack(list, 1, count)
  end)
  return runs
end

function commands.pid()
  local stat = assert(io.open "/proc/self/stat")
  local pid = stat:read "*n"
  stat:close()
  return ("%d"):format(pid)
end

function commands.quit()
  os.exit(0)
end

io.stdout:setvbuf "line"
for line in io.lines() do
  local fields = {}
  for field in (line .. "\t"):gmatch "(.-)\t" do
    fields[#fields + 1] = field
  end
  local ok, answer = pcall(commands[table.remove(fields, 1)], unpack(fields))
  if ok then
    print(answer == nil and "ok" or "ok " .. tostring(answer))
  else
    print("error " .. (type(answer) == "table" and answer.kind or error(answer, 0)))
  end
end
