#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# LuaJIT 2.1: a compiled loop that reads memory by the FFI, and stores to none, reads it once, although
# its type is volatile: what another process writes there is never seen. ffi.fill() of one byte that
# has nothing to do with it, in each round, makes the loop read again.
#
# lj_opt_fwd_xload() of src/lj_opt_mem.c gives a load the value of an earlier one. It would not do so for
# IRXLOAD_VOLATILE, but no load of the FFI gets that flag. It stops at an XBAR, which crec_fill() of
# src/lj_crecord.c emits after each ffi.fill(). doc/ext_ffi_semantics.html has one line on it: "The
# volatile type qualifier is currently ignored by compiled code".
#
# Seen with LuaJIT 2.1.0-beta3 of Debian 12. The loop ends when it reads something else than 0, or after
# 2,000,000,000 rounds, about half a second; the memory is written after a tenth of a second:
#
#     a plain read: written meanwhile, not seen by the loop, 1 after it
#     a read after ffi.fill(): written meanwhile, seen by the loop, 1 after it
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

need_x86_64
package luajit 2.1.0~beta3+git20220320+dfsg-4.1+deb12u1
package libluajit-5.1-2 2.1.0~beta3+git20220320+dfsg-4.1+deb12u1

cat >"$folder/program.lua" <<'LUA'
local ffi = require "ffi"
ffi.cdef "void *mmap(void *, size_t, int, int, int, long); int open(const char *, int);"

local fill, scratch = ffi.fill, ffi.new "uint8_t[1]"
local shared = ffi.C.mmap(nil, 4096, 1, 1, ffi.C.open(arg[1], 0), 0) -- PROT_READ, MAP_SHARED
local cell = ffi.cast("const volatile uint32_t *", shared)

local loops = {
  plain = function(rounds)
    for _ = 1, rounds do
      if cell[0] ~= 0 then return true end
    end
    return false
  end,
  fill = function(rounds)
    for _ = 1, rounds do
      fill(scratch, 1)
      if cell[0] ~= 0 then return true end
    end
    return false
  end,
}
-- Compiled by the first rounds. More than 2^31 would be another loop, of doubles.
local loop = loops[arg[2]]
loop(1000)
print "ready"
io.stdout:flush()
local seen = loop(2e9)
print((seen and "seen by the loop, " or "not seen by the loop, ") .. cell[0] .. " after it")
LUA

used() {
    local fields
    fields=$(<"/proc/$1/stat")
    read -r -a fields <<<"${fields##*) }"
    echo "${fields[11]}" # in user mode, in hundredths of a second
}

# look FORM: write when the loop has run for some time.
look() {
    local before line

    head -c 4096 /dev/zero >"$folder/memory"
    exec {said}< <(exec luajit "$folder/program.lua" "$folder/memory" "$1")
    started=("$!")
    read -r -t 60 -u "$said" line || not_run "the program ended"
    before=$(used "${started[0]}")
    until [ "$(used "${started[0]}")" -ge $((before + 10)) ]; do :; done
    printf '\1' | dd of="$folder/memory" conv=notrunc status=none
    read -r -t 60 -u "$said" line
    exec {said}<&-
    started=()
    echo "written meanwhile, $line"
}

{
    echo "a plain read: $(look plain)"
    echo "a read after ffi.fill(): $(look fill)"
} >"$folder/seen"
compare "$folder/seen"
