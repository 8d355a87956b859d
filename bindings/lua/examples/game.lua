-- SPDX-License-Identifier: MIT

-- A game's loop, as `./demo lua` watches it: how many things move in a frame, and how long that takes.
--
--     lua5.4 game.lua [FRAMES]
--
-- It waits for a tracer before its first frame:
--
-- ```sh start watch
-- RST_BACKING=file lua5.4 game.lua 2000
-- bpftrace -p $PID -e '
--     usdt:*:game:scene { printf("%s\n", str(arg0)); }
--     usdt:*:game:frame { printf("frame %ld: %ld things, %ld us\n", arg0, arg1, arg2); }'
-- ```
-- ```text sample
-- forest
-- frame 11: 1000 things, 2431 us
-- frame 12: 1000 things, 2447 us
-- ```

local rst = require "rst"

local game = rst.provider("game")
local frame = game:probe("frame", "uint32 number, uint32 things, uint64 microseconds")
local scene = game:probe("scene", "string name, uint32 things")
assert(game:load())

local function pause(seconds)
  os.execute("sleep " .. seconds)
end

local things = {}
local function enter(name, count)
  things = {}
  for i = 1, count do
    things[i] = {x = i, y = 0, speed = i % 7 + 1}
  end
  scene:fire(name, count)
end

local function move(seconds)
  for _ = 1, 20 do
    for _, thing in ipairs(things) do
      thing.x = (thing.x + thing.speed * seconds) % 640
      thing.y = 240 + 200 * math.sin(thing.x / 100)
    end
  end
end

-- Every tenth frame is of another scene.
local scenes = {{"village", 100}, {"forest", 1000}, {"castle", 4000}}

while not (frame:enabled() and scene:enabled()) do
  pause(0.05)
end
for number = 1, tonumber(arg[1] or 60) do
  if number % 10 == 1 then
    local which = scenes[(number - 1) / 10 % #scenes + 1]
    enter(which[1], which[2])
  end
  local start = os.clock()
  move(0.05)
  frame:fire(number, #things, math.floor((os.clock() - start) * 1e6))
  pause(0.05)
end
game:close()
