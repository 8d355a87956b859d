-- SPDX-License-Identifier: MIT
-- What host_worker.c measures in Lua.

local function empty() end

local doing = {}

function doing.loop(count)
  for _ = 1, count do end
end

function doing.call(count)
  for _ = 1, count do empty() end
end

function doing.allocate(count)
  local made
  for _ = 1, count do made = {} end
  return made
end

function on_line(line)
  local what, count = line:match("^(%w+) (%d+)$")
  doing[what](tonumber(count))
  return "done"
end
