-- SPDX-License-Identifier: MIT

-- How long a function takes, without a change to it. `timed` wraps it; while nobody watches, the wrapper
-- only looks at the probe, and calls the function.
--
-- ```sh start collect
-- RST_BACKING=file lua5.4 latency.lua
-- bpftrace -p $PID -e 'usdt:*:cart:total { @us[str(arg0)] = hist(arg1); }'
-- ```
--
-- What bpftrace prints at Ctrl-C, for example, in microseconds:
--
-- ```text sample
-- @us[total]:
-- [1K, 2K)              25 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|
-- ```

local rst = require "rst"

local cart = rst.provider("cart")

local function timed(name, call)
  local probe = cart:probe(name, "string name, uint64 microseconds")
  local function finish(start, ...)
    probe:fire(name, math.floor((os.clock() - start) * 1e6))
    return ...
  end
  return function(...)
    if not probe:enabled() then
      return call(...)
    end
    return finish(os.clock(), call(...))
  end
end

local function total()
  local sum, start = 0, os.clock()
  while os.clock() - start < 0.0015 do
    sum = sum + 1
  end
  return sum
end

total = timed("total", total)
assert(cart:load())
for _ = 1, 600 do
  total()
  os.execute("sleep 0.1")
end
