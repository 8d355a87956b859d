-- SPDX-License-Identifier: MIT
rockspec_format = "3.0"
package = "rst"
version = "0.1.0-1"
source = {
  -- `make rock` packs it; the project has no public address yet.
  url = "file://rst-0.1.0.tar.gz",
}
description = {
  summary = "USDT probes that a running program declares: watch it with bpftrace, gdb or perf",
  detailed = [[
Places in a Lua program that bpftrace, gdb, perf and other tools can watch while it runs in production.
While nobody watches, they cost two or three calls of an empty method; in code that LuaJIT has compiled,
less than a nanosecond.]],
  license = "MIT",
  labels = {"tracing", "debugging", "profiling", "usdt", "luajit"},
}
supported_platforms = {"unix"} -- where it isn't Linux, probes do nothing
dependencies = {"lua >= 5.1, < 5.5"}
build = {
  type = "make",
  build_variables = {
    CC = "$(CC)",
    CFLAGS = "$(CFLAGS)",
    LIBFLAG = "$(LIBFLAG)",
    LUA_INCDIR = "$(LUA_INCDIR)",
  },
  install_variables = {
    INST_LIBDIR = "$(LIBDIR)",
    INST_LUADIR = "$(LUADIR)",
    LUA_INCDIR = "$(LUA_INCDIR)",
  },
}
