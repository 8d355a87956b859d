#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# One double among a probe's arguments takes the integers behind it away from gdb 13.1 and
# bpftrace 0.17.0. <sys/sdt.h> (systemtap-sdt-dev 4.8) describes the double as "8f@" and where it
# is, and a compiler warns of nothing; gdb and bcc 0.26 (which bpftrace asks) do not know the "f",
# stop there, and see only the arguments before it. gdb says so once, to the first command that asks
# for an argument, which fails whatever it asks for. Put floating point last, or pass its bits as an
# integer.
#
# In the sources: _SDT_TYPE in sys/sdt.h; stap_parse_single_operand() in gdb/stap-probe.c, which
# says "Unknown numeric token"; ArgumentParser in bcc's src/cc/usdt/usdt_args.cc, "Parse error".
#
# The program fires (11, 2.5, 33). Seen on Linux 6.18.44 x86_64, Debian 12:
#
#     note: three arguments, the second is 8f@
#     gdb: Unknown numeric token
#     gdb: of arguments 0, 1, 2 it has 11, none, none
#     bpftrace arg0: 11
#     bpftrace arg1: ERROR: couldn't get argument 1
#     bpftrace arg2: ERROR: couldn't get argument 2
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

need_x86_64
need_root
need_compiler
package bpftrace 0.17.0-1
package libbpfcc 0.26.0+ds-1
package gdb 13.1-3
package systemtap-sdt-dev 4.8-2

cat >"$folder/program.c" <<'C'
#include <sys/sdt.h>

int main(void)
{
    volatile long order = 11, items = 33;
    volatile double price = 2.5;

    DTRACE_PROBE3(shop, order, order, price, items);
    return 0;
}
C
gcc -O1 -Wall -Wextra -o "$folder/program" "$folder/program.c"

if grep -aqE -e '-8@[^ ]+ 8f@[^ ]+ -8@' "$folder/program"; then
    echo "note: three arguments, the second is 8f@" >"$folder/seen"
fi

# shellcheck disable=SC2016 # the dollar is gdb's
commands=(-ex 'set debuginfod enabled off' -ex 'break -probe-stap shop:order' -ex run
    -ex 'print $_probe_argc')
for argument in 0 1 2; do
    commands+=(-ex "printf \"has %ld\\n\", \$_probe_arg$argument")
done
gdb -nx -batch "${commands[@]}" "$folder/program" >"$folder/gdb" 2>&1 || true
sed -n 's/^\(Unknown numeric token\) .*/gdb: \1/p' "$folder/gdb" >>"$folder/seen"
sed -n -e 's/^has //p' -e 's/^Invalid probe argument .*/none/p' "$folder/gdb" | paste -sd, |
    sed -e 's/,/, /g' -e 's/^/gdb: of arguments 0, 1, 2 it has /' >>"$folder/seen"

for argument in 0 1 2; do
    bpftrace -c "$folder/program" -e "usdt:$folder/program:shop:order {
        printf(\"has %d\\n\", arg$argument) }" >"$folder/bpftrace" 2>&1 || true
    sed -n -e 's/^has //p' \
        -e "s/^\\(ERROR: couldn't get argument [0-9]*\\).*/\\1/p" "$folder/bpftrace" |
        sed "s/^/bpftrace arg$argument: /" >>"$folder/seen"
done

compare "$folder/seen"
