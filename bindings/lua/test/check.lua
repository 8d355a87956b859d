-- SPDX-License-Identifier: MIT
--
-- What the tests in Lua are written with. run.py runs them, and does what they can't: it attaches to
-- probes, from another process, when it reads a line that begins with "@@".

local check = {}

local failed, skipped, skips = 0, 0, {}

-- Gives what the driver answers.
local function ask(...)
  io.stdout:write("@@ ", table.concat({...}, " "), "\n")
  io.stdout:flush()
  local answer = assert(io.read "*l", "the driver is gone")
  return answer
end

local function shown(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

-- Run a test, and say how it went.
function check.test(name, body)
  local ok, problem = xpcall(body, function(problem)
    return problem == skips and problem or debug.traceback(tostring(problem), 2)
  end)
  collectgarbage()
  if ok then
    print("ok      " .. name)
  elseif problem == skips then
    skipped = skipped + 1
    print("skipped " .. name .. ": " .. skips.reason)
  else
    failed = failed + 1
    print("FAILED  " .. name .. "\n" .. problem)
  end
end

-- End the test, which can't be done here.
function check.skip(reason)
  assert(os.getenv "RST_REQUIRE_TRACERS" ~= "1", "RST_REQUIRE_TRACERS=1, but " .. reason)
  skips.reason = reason
  error(skips, 0)
end

-- End the program, after the last test.
function check.finish()
  io.stdout:flush()
  os.exit(failed > 0 and 1 or skipped > 0 and 77 or 0, true)
end

function check.equal(got, wanted, what)
  if got ~= wanted then
    error(("%s%s, not %s"):format(what and what .. ": " or "", shown(got), shown(wanted)), 2)
  end
end

function check.matches(text, pattern)
  if not tostring(text):find(pattern) then
    error(("%s doesn't match %s"):format(shown(text), shown(pattern)), 2)
  end
end

-- What a call raises: an error of that kind, whose text matches.
function check.raises(kind, pattern, call, ...)
  local ok, problem = pcall(call, ...)
  if ok then
    error(("nothing was raised, but %s was due"):format(kind), 2)
  end
  if type(problem) ~= "table" or problem.kind ~= kind then
    error(("%s was raised, not %s"):format(tostring(problem), kind), 2)
  end
  check.matches(problem, pattern)
  return problem
end

local function where(probe)
  return assert(probe:path(), "it isn't loaded"), tostring(probe):match "(.*):(.*)"
end

-- Attach to a probe, from outside. Gives how to ask for its hits, and how to end it.
function check.watch(probe)
  local path, provider, name = where(probe)
  local answer = ask("watch", path, provider, name)
  local refused = answer:match "^no (.*)"
  if refused then
    check.skip(refused)
  end
  return {
    hits = function()
      return tonumber(ask("hits", answer))
    end,
    close = function()
      return tonumber(ask("unwatch", answer))
    end,
    -- What ends it once the loop that comes next has run for some time.
    close_later = function()
      ask("unwatch-later", answer)
    end,
  }
end

-- Attach once the loop that comes next has run for some time.
function check.watch_later(probe)
  local path, provider, name = where(probe)
  local answer = ask("watch-later", path, provider, name)
  local refused = answer:match "^no (.*)"
  if refused then
    check.skip(refused)
  end
end

-- A provider's name that no other test of this process has.
local names = 0
function check.name()
  names = names + 1
  return "test" .. names
end

return check
