-- SPDX-License-Identifier: MIT

-- Which coroutine runs when: a scheduler fires before it resumes one, and when that has yielded.
--
-- ```sh start watch
-- RST_BACKING=file lua5.4 coroutines.lua
-- bpftrace -p $PID -e '
--     usdt:*:scheduler:resume { printf("%s goes on\n", str(arg0)); }
--     usdt:*:scheduler:yield { printf("%s waits for %s\n", str(arg0), str(arg1)); }'
-- ```
-- ```text
-- reader goes on
-- reader waits for line
-- writer goes on
-- writer waits for disk
-- ```

local rst = require "rst"

local scheduler = rst.provider("scheduler")
local resume = scheduler:probe("resume", "string task")
local yield = scheduler:probe("yield", "string task, string reason")
assert(scheduler:load())

local tasks = {}
local function spawn(name, body)
  tasks[#tasks + 1] = {name = name, routine = coroutine.create(body)}
end

local function waiting(reason)
  return function()
    while true do
      coroutine.yield(reason)
    end
  end
end

spawn("reader", waiting("line"))
spawn("writer", waiting("disk"))
for _ = 1, 300 do
  for _, task in ipairs(tasks) do
    resume:fire(task.name)
    local _, reason = coroutine.resume(task.routine)
    yield:fire(task.name, reason)
    os.execute("sleep 0.1")
  end
end
