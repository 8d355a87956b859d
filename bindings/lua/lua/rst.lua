-- SPDX-License-Identifier: MIT
--
-- The module is written in C (c/module.c has its documentation). With LuaJIT come its integers of 64 bits,
-- and, unless its compiler is off, a fire() that it compiles.

local core = require "rst.core"

if jit and pcall(require, "ffi") then
  require "rst.jit"(core, jit.status())
end
return core.public
