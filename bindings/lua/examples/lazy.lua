-- SPDX-License-Identifier: MIT

-- Values that take time to compute are what a function returns, which is called only while somebody
-- watches.
--
-- ```sh start watch
-- RST_BACKING=file lua5.4 lazy.lua
-- bpftrace -p $PID -e 'usdt:*:shop:checkout { printf("order %ld, summary %ld: %s\n", arg0, arg1, str(arg2)); }'
-- ```
--
-- What bpftrace prints, for example. Orders go on all the time, but the first summary is made when
-- bpftrace comes:
--
-- ```text sample
-- order 31, summary 1: apple, pear
-- order 32, summary 2: apple, pear
-- ```

local rst = require "rst"

local shop = rst.provider("shop")
local checkout = shop:probe("checkout", "uint64 order, uint64 made, string summary")
assert(shop:load())

local made = 0
for order = 1, 600 do
  checkout:fire(function()
    made = made + 1
    return order, made, table.concat({"apple", "pear"}, ", ")
  end)
  os.execute("sleep 0.1")
end
