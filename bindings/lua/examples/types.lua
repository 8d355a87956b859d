-- SPDX-License-Identifier: MIT

-- What each type looks like to bpftrace.
--
-- ```sh start watch
-- RST_BACKING=file lua5.4 types.lua
-- bpftrace -p $PID -e '
--     usdt:*:types:numbers { printf("%ld %d %lu %d %lx\n", arg0, arg1, arg2, arg3, arg4); }
--     usdt:*:types:others { printf("<%s> <%s> <%s> %lx\n", str(arg0), str(arg1), str(arg2), arg3); }'
-- ```
--
-- What bpftrace prints. A double comes as its bits: these are those of 0.5. A string ends for a tracer
-- where it has a NUL, and nil is empty.
--
-- ```text
-- -5 -128 18446744073709551615 1 3fe0000000000000
-- <Grüße> <before> <> 1000
-- ```

local rst = require "rst"

local types = rst.provider("types")
-- The form with tables may use Lua's own names of types.
local numbers = types:probe("numbers", {
  {a = "integer"}, {b = "int8"}, {c = "uint64"}, {d = "boolean"}, {e = "number"},
})
local others = types:probe("others", "string, string, string, pointer")
assert(types:load())

-- 2^64 - 1 is more than any Lua's own integers.
local largest = rst.uint64("18446744073709551615")

for _ = 1, 600 do
  numbers:fire(-5, -128, largest, true, 0.5)
  others:fire("Grüße", "before\0after", nil, 0x1000)
  os.execute("sleep 0.1")
end
