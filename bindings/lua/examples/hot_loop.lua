-- SPDX-License-Identifier: MIT

-- A loop that LuaJIT has compiled, and that calls nothing, notices a tracer that comes, and one that
-- goes.
--
-- ```sh start collect
-- RST_BACKING=file luajit hot_loop.lua
-- bpftrace -p $PID -e 'usdt:*:hot:million { @ = count(); }'
-- ```
--
-- What bpftrace prints at Ctrl-C, for example:
--
-- ```text sample
-- @: 2517
-- ```

local rst = require "rst"

local hot = rst.provider("hot")
local million = hot:probe("million", "uint64 step")
assert(hot:load())

local step, ending = 0, os.clock() + 60
while os.clock() < ending do
  for _ = 1, 1000000 do
    step = step + 1
    if step % 1000000 == 0 then
      million:fire(step)
    end
  end
end
